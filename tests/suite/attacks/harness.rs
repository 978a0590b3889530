//! What an attack is, and how it is run.

use std::sync::Arc;

use rehearsal::{
    clone_db::{Access, Layer, Session, SessionSettings, SqlRefusal, SqlValue},
    plan::{ClonePlan, Limits, Transactions},
};
use rehearsal_clone::{Base, CloneFile, CloneSettings, Image, OpenMode, Store};
use rehearsal_packet::record::ErrorClass;

use super::memory;

/// How clones behave here.
pub(super) const CLONE: ClonePlan = ClonePlan { foreign_keys: true, now_unix_ms: 1_767_225_600_000, seed: 1 };

/// Limits that an attack meets soon. `call_ms` is the backstop, and out of reach.
pub(super) const LIMITS: Limits = Limits {
    sql_steps: 3_000_000,
    sql_bytes: 1 << 20,
    value_bytes: 4 << 20,
    sql_memory_bytes: 24 << 20,
    growth_bytes: 16 << 20,
    ..Limits::STANDARD
};

/// What is attacked: some items, a log of events, and two full-text indexes.
const SCHEMA: &str = "
    CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price INTEGER NOT NULL CHECK (price >= 0));
    INSERT INTO item VALUES (1, 'lamp', 900), (2, 'table', 12000), (3, 'chair', 4500);
    CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER, payload TEXT);
    WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
    INSERT INTO event SELECT i, i % 97, printf('{\"event\":%d,\"note\":\"%.*c\"}', i, i % 60, 'x') FROM n;
    CREATE VIRTUAL TABLE note USING fts5 (body);
    INSERT INTO note VALUES ('a lamp for the table');
    CREATE VIRTUAL TABLE old_note USING fts4 (body);
    INSERT INTO old_note VALUES ('a lamp for the table');";

/// The beginning of a query of numbers without end, in `n (i)`.
pub(super) const NUMBERS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";

/// What holds an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// A layer of a session.
    Layer(Layer),
    /// A limit of the plan.
    Limit(&'static str),
    /// The engine: what the clone's VFS does not open, and what is not compiled in.
    Engine,
    /// What the session itself sees to, whatever SQLite makes of it.
    Session,
}

pub(super) const GATE: By = By::Layer(Layer::Gate);
pub(super) const HARDENING: By = By::Layer(Layer::Hardening);
pub(super) const FIXED_LIMITS: By = By::Layer(Layer::FixedLimits);
pub(super) const LINEAR_FUNCTIONS: By = By::Layer(Layer::LinearFunctions);

/// What becomes of an attack.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// A statement is refused, for a reason that has this text in it, and the session goes on.
    Refused(ErrorClass, &'static str),
    /// The session is ended by this limit.
    Ended(&'static str),
    /// It runs, and its last row begins with this: nothing was gained.
    Answers(SqlValue),
}

pub(super) fn text(text: &str) -> Outcome {
    Outcome::Answers(SqlValue::Text(text.into()))
}

pub(super) fn integer(integer: i64) -> Outcome {
    Outcome::Answers(SqlValue::Integer(integer))
}

/// One layer, and what becomes of the attack if it is the first that is asked.
#[derive(Clone, Debug)]
pub(super) struct Holds {
    pub(super) by: By,
    outcome: Outcome,
}

/// How an attack is held.
#[derive(Clone, Debug)]
pub(super) enum Held {
    /// By two layers: the second is asked when the first is missing.
    Twice([Holds; 2]),
    /// By one alone, and why there is no other in this process.
    Only(Holds, &'static str),
    /// It does no harm, with every layer and with none.
    Harmless(Outcome),
}

/// SQL that means harm.
#[derive(Clone, Debug)]
pub(super) struct Attack {
    /// Statements, one after another.
    sql: Vec<String>,
    access: Access,
    limits: Limits,
    pub(super) held: Held,
}

/// An attack of one statement, by a step within the host's transaction.
pub(super) fn attack(sql: impl Into<String>) -> Unheld {
    Unheld { sql: vec![sql.into()], access: Access::Step(Transactions::Host), limits: LIMITS }
}

/// An attack of which nobody has said what holds it.
pub(super) struct Unheld {
    sql: Vec<String>,
    access: Access,
    limits: Limits,
}

impl Unheld {
    /// One more statement.
    pub(super) fn then(mut self, sql: impl Into<String>) -> Self {
        self.sql.push(sql.into());
        self
    }

    /// Who attacks.
    pub(super) fn by(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Other limits than [`LIMITS`].
    pub(super) fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    pub(super) fn held_by(self, first: (By, Outcome), second: (By, Outcome)) -> Attack {
        let holds = |(by, outcome)| Holds { by, outcome };
        self.held(Held::Twice([holds(first), holds(second)]))
    }

    pub(super) fn held_only_by(self, (by, outcome): (By, Outcome), why: &'static str) -> Attack {
        self.held(Held::Only(Holds { by, outcome }, why))
    }

    pub(super) fn harmless(self, outcome: Outcome) -> Attack {
        self.held(Held::Harmless(outcome))
    }

    fn held(self, held: Held) -> Attack {
        Attack { sql: self.sql, access: self.access, limits: self.limits, held }
    }
}

/// A table of attacks, each a test of its own.
macro_rules! attacks {
    ($($name:ident = $attack:expr),+ $(,)?) => {
        /// The attacks, by name.
        pub(super) fn table() -> Vec<(&'static str, $crate::attacks::harness::Attack)> {
            vec![$((stringify!($name), $attack)),+]
        }

        $(#[test]
        fn $name() {
            $crate::attacks::harness::check(&$attack);
        })+
    };
}
pub(super) use attacks;

/// Runs an attack against everything, and against everything but the layer that held it.
pub(super) fn check(attack: &Attack) {
    match &attack.held {
        Held::Twice([first, second]) => {
            attack.expect(&[], &attack.limits, &first.outcome);
            let (missing, limits) = without(first.by, second.by, &attack.limits);
            attack.expect(&missing, &limits, &second.outcome);
        }
        Held::Only(only, why) => {
            assert!(!why.is_empty());
            attack.expect(&[], &attack.limits, &only.outcome);
        }
        Held::Harmless(outcome) => {
            attack.expect(&[], &attack.limits, outcome);
            attack.expect(&Layer::ALL, &attack.limits, outcome);
        }
    }
}

/// What is left when `first` is missing, so that `second` is asked: which layers are gone, and the limits that hold.
fn without(first: By, second: By, limits: &Limits) -> (Vec<Layer>, Limits) {
    let mut limits = limits.clone();
    let mut missing = Vec::new();
    match first {
        By::Layer(layer) => missing.push(layer),
        By::Limit(name) => *limit(&mut limits, name) = u64::MAX,
        By::Engine | By::Session => panic!("{first:?} cannot be taken away"),
    }
    if second == By::Engine {
        // It is to hold all by itself.
        missing = Layer::ALL.to_vec();
    }
    if second == By::Limit("call_ms") {
        limits.call_ms = 20;
    }
    (missing, limits)
}

fn limit<'a>(limits: &'a mut Limits, name: &str) -> &'a mut u64 {
    match name {
        "sql_steps" => &mut limits.sql_steps,
        "sql_bytes" => &mut limits.sql_bytes,
        "value_bytes" => &mut limits.value_bytes,
        "sql_memory_bytes" => &mut limits.sql_memory_bytes,
        "growth_bytes" => &mut limits.growth_bytes,
        "rows" => &mut limits.rows,
        other => panic!("{other} is not a limit on SQL"),
    }
}

/// A clone of the database that is attacked.
pub(super) fn clone(limits: &Limits) -> Arc<CloneFile> {
    let store = Store::new(&std::env::temp_dir(), 256 << 20);
    let settings = CloneSettings { now_unix_ms: CLONE.now_unix_ms, growth_bytes_max: u64::MAX };
    let empty = CloneFile::new(Image::of(Base::from_bytes([]).expect("no bytes")), &store, settings);
    empty.open(OpenMode::ReadWrite).expect("a connection").execute_batch(SCHEMA).expect("the schema");
    CloneFile::new(empty.image(), &store, CloneSettings { growth_bytes_max: limits.growth_bytes, ..settings })
}

/// Runs some SQL as a module would: what its last row begins with.
pub(super) fn run(session: &Session, sql: &[String]) -> Result<SqlValue, SqlRefusal> {
    let mut answer = SqlValue::Null;
    for sql in sql {
        let mut statement = session.query(sql, &[])?;
        loop {
            let rows = session.next_rows(&mut statement, 100, 1 << 20)?;
            let Some(last) = rows.into_iter().next_back() else { break };
            answer = last.into_iter().next().unwrap_or(SqlValue::Null);
        }
    }
    Ok(answer)
}

impl Attack {
    /// Runs with layers missing and within limits.
    fn expect(&self, missing: &[Layer], limits: &Limits, expected: &Outcome) {
        let clone = clone(limits);
        let before = clone.image().state_digest().expect("a digest");
        let settings = SessionSettings { access: self.access, clone: &CLONE, limits };
        let session = Session::open_without(missing, &clone, &settings).expect("a session");
        let in_transaction = self.access == Access::Step(Transactions::Host);
        if in_transaction {
            session.begin().expect("a transaction");
        }
        let (answer, peak) = memory::peak_of(|| run(&session, &self.sql));
        let found = match (&answer, session.overrun()) {
            (_, Some(overrun)) => Outcome::Ended(overrun.limit),
            (Ok(answer), None) => Outcome::Answers(answer.clone()),
            (Err(refusal), None) => match expected {
                Outcome::Refused(_, reason) if refusal.message.contains(reason) => Outcome::Refused(refusal.class, reason),
                _ => Outcome::Refused(refusal.class, "something else"),
            },
        };
        assert_eq!(&found, expected, "without {missing:?}: {answer:?}");
        // Copies of values on their way: a function's arguments, its result, the row that the module gets.
        let bound = limits.sql_memory_bytes.saturating_add(limits.growth_bytes).saturating_add(limits.value_bytes.saturating_mul(4));
        assert!(peak <= bound, "without {missing:?}: {peak} bytes of memory");
        let is_ended_for_the_host = in_transaction && !session.in_transaction();
        goes_on(&session, &found, is_ended_for_the_host);
        if in_transaction {
            if !is_ended_for_the_host {
                session.rollback().expect("the host ends what it began");
            }
            drop(session);
            assert_eq!(clone.image().state_digest().expect("a digest"), before, "without {missing:?}: the clone is not as it was");
        }
        assert!(clone.take_trouble().is_none(), "the machine had nothing to do with it");
        is_whole(&clone);
    }
}

/// A session goes on after a refusal. After an overrun the module is through, and also when it ended the transaction around it; the
/// host is not.
fn goes_on(session: &Session, outcome: &Outcome, is_ended_for_the_host: bool) {
    let next = run(session, &["SELECT 'still here'".to_owned()]);
    match outcome {
        Outcome::Ended(_) => assert_eq!(next.expect_err("the module is through").class, ErrorClass::Limit),
        _ if is_ended_for_the_host => assert_eq!(next.expect_err("the module is through").class, ErrorClass::NotAuthorized),
        _ => assert_eq!(next, Ok(SqlValue::Text("still here".into()))),
    }
    session.host_query("SELECT count(*) FROM sqlite_schema").expect("the host goes on");
}

/// Whatever was done to it, the clone is a database, and the items are in it.
fn is_whole(clone: &Arc<CloneFile>) {
    let connection = clone.open(OpenMode::ReadWrite).expect("a connection");
    let ask = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0)).expect(sql);
    assert_eq!(ask("PRAGMA integrity_check"), "ok");
    assert_eq!(ask("SELECT group_concat(name, ' ') FROM (SELECT name FROM item WHERE id <= 3 ORDER BY id)"), "lamp table chair");
}
