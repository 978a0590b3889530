//! What a module costs before it does anything: admission, compilation, an instance and a call, with and without a clone.
//!
//! ```text
//! cargo bench -p rehearsal --bench guests
//! ```

#[path = "setup/shop.rs"]
mod shop;

use std::{hint::black_box, sync::Arc};

use criterion::{BatchSize, Criterion};
use rehearsal::{
    admit::{AdmittedModule, Role},
    clone_db::{Access, Session, SessionSettings},
    guest::{Call, Called, Export, GrantedInput, Guests},
    plan::{BUILTIN_MODULES, Limits, Transactions},
};

/// One row: what is measured is the way to the database, not the work that is done there.
const SMALL_CHANGE: &str =
    "INSERT INTO schema_migrations (version, name, applied_at) VALUES ('20990101000000', 'bench', '2099-01-01T00:00:00Z');";

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, role) in [("sql-step", Role::Step), ("validator", Role::Validator)] {
        let bytes = builtin(name);
        admission(&mut criterion, name, role, &bytes);
        compilation(&mut criterion, name, &AdmittedModule::from_bytes(bytes, role).expect("a built-in module is admitted"));
    }
    calls(&mut criterion);
    criterion.final_summary();
}

fn builtin(name: &str) -> Arc<[u8]> {
    let (_, bytes) = BUILTIN_MODULES.into_iter().find(|(known, _)| *known == name).expect("a built-in module");
    Arc::from(bytes)
}

/// From bytes to a module that may be compiled: its anatomy, its validation, its fit to the guest world.
fn admission(criterion: &mut Criterion, name: &str, role: Role, bytes: &Arc<[u8]>) {
    criterion.bench_function(&format!("admit/{name}"), |bencher| {
        bencher.iter(|| AdmittedModule::from_bytes(black_box(bytes).clone(), role).expect("a built-in module is admitted"));
    });
}

/// `fresh` compiles and links; `cached` asks for a module that these guests have compiled already.
fn compilation(criterion: &mut Criterion, name: &str, module: &AdmittedModule) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(20);
    group.bench_function(format!("{name}/fresh"), |bencher| {
        let fresh = || Guests::new().expect("an engine");
        let compile = |mut guests: Guests| {
            guests.compile(module).expect("a built-in module compiles");
            guests
        };
        bencher.iter_batched(fresh, compile, BatchSize::PerIteration);
    });
    group.bench_function(format!("{name}/cached"), |bencher| {
        let mut guests = compiled(module);
        bencher.iter(|| guests.compile(black_box(module)).expect("it was compiled before"));
    });
    group.finish();
}

fn compiled(module: &AdmittedModule) -> Guests {
    let mut guests = Guests::new().expect("an engine");
    guests.compile(module).expect("a built-in module compiles");
    guests
}

/// Every call has a fresh instance, so each of these is an instance and a call.
fn calls(criterion: &mut Criterion) {
    let module = AdmittedModule::from_bytes(builtin("sql-step"), Role::Step).expect("a built-in module is admitted");
    let guests = compiled(&module);
    let call = |export, inputs| Call { module: module.anatomy().sha256, export, inputs, limits: &Limits::STANDARD };
    let mut group = criterion.benchmark_group("call");

    // `sql-step` looks for this input even when it describes itself.
    let up = GrantedInput { name: "up".to_owned(), bytes: Arc::from(SMALL_CHANGE.as_bytes()) };
    let describe = call(Export::DescribeStep, vec![up.clone()]);
    group.bench_function("describe, no clone", |bencher| bencher.iter(|| returned(guests.call(&describe, None))));

    let sources = shop::Sources::new();
    let shop = shop::OpenedShop::new(&sources.database(shop::Size::SMALL));
    let settings =
        SessionSettings { access: Access::Step(Transactions::Host), clone: &shop.admitted.plan().clone, limits: &Limits::STANDARD };
    let clone = shop.clones.clone_of(shop.opened.image().clone(), settings.clone, settings.limits);
    let session = || Session::open(&clone, &settings).expect("a clone that opens");
    group.bench_function("open a session", |bencher| bencher.iter(session));

    let apply = call(Export::Apply, vec![up]);
    group.bench_function("open a session, apply one INSERT, roll back", |bencher| {
        bencher.iter(|| {
            let session = session();
            session.begin().expect("a transaction");
            let called = returned(guests.call(&apply, Some(session)));
            called.session.expect("the session that was lent").rollback().expect("ROLLBACK");
        });
    });
    group.finish();
}

/// What is measured is a call that went well.
fn returned(called: Called) -> Called {
    assert!(called.record.outcome.returned(), "{:?}", called.record);
    called
}
