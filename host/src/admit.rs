//! Stage 3, admit: what a module can ask for is read from its bytes, and compared with what it may have, before anything
//! compiles it.
//!
//! In: a preflighted plan. Out: [`Admitted`], the only thing that the runner takes. A module is admitted for a [`Role`] when
//! it is a component, imports nothing beyond the guest world of that role, and fits that world function by function. What
//! does not is a [`Refusal`], which names the import and how such a module is usually built without it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use rehearsal_packet::Sha256;
use serde::{Deserialize, Serialize};
use wasmparser::{Encoding, Parser, Payload};

use crate::{
    plan::{ModulePlan, Plan},
    preflight::Preflighted,
};

/// The guest world, as guests are built against it.
const GUEST_WIT: &str = include_str!("../../guest-sdk/wit/rehearsal.wit");

/// What a module is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A change to rehearse.
    Step,
    /// Bad input.
    Probe,
    /// The judge of the record.
    Validator,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 3] = [Role::Step, Role::Probe, Role::Validator];

    /// The name, as the interface that the module exports.
    pub fn name(self) -> &'static str {
        match self {
            Role::Step => "step",
            Role::Probe => "probe",
            Role::Validator => "validator",
        }
    }

    /// The interfaces that a module of this role may import.
    pub fn may_import(self) -> &'static [&'static str] {
        match self {
            Role::Step | Role::Probe => &[
                "rehearsal:guest/clone@0.1.0",
                "rehearsal:guest/inputs@0.1.0",
                "rehearsal:guest/diagnostics@0.1.0",
                "rehearsal:guest/description@0.1.0",
            ],
            // The validator rules on a record; it has no business with a clone.
            Role::Validator => &["rehearsal:guest/inputs@0.1.0", "rehearsal:guest/diagnostics@0.1.0", "rehearsal:guest/description@0.1.0"],
        }
    }

    /// The interface that a module of this role exports.
    fn exports(self) -> String {
        format!("rehearsal:guest/{}@0.1.0", self.name())
    }

    fn world(self) -> String {
        format!("{}-module", self.name())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the bytes of a module say about it: no execution, no compilation, no opinion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Anatomy {
    /// SHA-256 of the bytes.
    pub sha256: Sha256,
    /// How many bytes.
    pub bytes: u64,
    /// Component, or core module, or neither.
    pub kind: Kind,
    /// What it imports, sorted.
    pub imports: Vec<String>,
    /// What it exports, sorted.
    pub exports: Vec<String>,
    /// The names of its custom sections, outermost only.
    pub custom_sections: Vec<String>,
}

/// What kind of thing some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A WebAssembly component.
    Component,
    /// A core WebAssembly module: what a compiler makes before it is turned into a component.
    CoreModule,
}

impl Anatomy {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with the bytes, when they are not WebAssembly.
    pub fn read(bytes: &[u8]) -> Result<Self, Reason> {
        let broken = |error: wasmparser::BinaryReaderError| {
            if bytes.starts_with(b"\0asm") { Reason::Broken(error.to_string()) } else { Reason::NotWasm(describe_start(bytes)) }
        };
        let mut anatomy = Anatomy {
            sha256: Sha256::of(bytes),
            bytes: bytes.len() as u64,
            kind: Kind::CoreModule,
            imports: Vec::new(),
            exports: Vec::new(),
            custom_sections: Vec::new(),
        };
        // Nested modules and components announce themselves with a version and close with an end.
        let mut depth = 0;
        for payload in Parser::new(0).parse_all(bytes) {
            match payload.map_err(broken)? {
                Payload::Version { encoding, .. } => {
                    depth += 1;
                    if depth == 1 && encoding == Encoding::Component {
                        anatomy.kind = Kind::Component;
                    }
                }
                Payload::End(_) => depth -= 1,
                Payload::ComponentImportSection(section) if depth == 1 => {
                    for import in section {
                        anatomy.imports.push(import.map_err(broken)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 1 => {
                    for export in section {
                        anatomy.exports.push(export.map_err(broken)?.name.name.to_owned());
                    }
                }
                Payload::CustomSection(section) if depth == 1 => anatomy.custom_sections.push(section.name().to_owned()),
                _ => {}
            }
        }
        // The order is the linker's, and means nothing.
        anatomy.imports.sort();
        anatomy.exports.sort();
        Ok(anatomy)
    }

    /// The roles whose interface the module exports.
    pub fn roles(&self) -> Vec<Role> {
        Role::ALL.into_iter().filter(|role| self.exports.contains(&role.exports())).collect()
    }
}

/// The first bytes, for somebody who wonders what file that is.
fn describe_start(bytes: &[u8]) -> String {
    match bytes {
        [] => "the file is empty".to_owned(),
        _ if bytes.starts_with(b"SQLite format 3\0") => "it is an SQLite database".to_owned(),
        _ => format!("it begins with {:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(12)])),
    }
}

/// Why a module is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Something else altogether.
    #[error("not WebAssembly: {0}")]
    NotWasm(String),
    /// WebAssembly that does not parse or validate.
    #[error("broken WebAssembly: {0}")]
    Broken(String),
    /// Not yet a component.
    #[error("a core module, not a component: turn it into one with `wasm-tools component new`, or build it with the guest SDK")]
    CoreModule,
    /// An import beyond the world.
    #[error("it imports {import:?}, which a {role} may not have{}", cure(.import))]
    Import {
        /// The import.
        import: String,
        /// What the module is used as.
        role: Role,
    },
    /// Not what the plan uses it as.
    #[error("it does not export {:?}, so it is not a {role}{}", .role.exports(), instead(.exports))]
    Export {
        /// What the plan uses it as.
        role: Role,
        /// What it exports.
        exports: Vec<String>,
    },
    /// The right names, but other functions or types behind them.
    #[error("it does not fit the {role} world of rehearsal:guest@0.1.0: {detail}; build it against the WIT of this version")]
    World {
        /// What the plan uses it as.
        role: Role,
        /// The first difference.
        detail: String,
    },
}

fn instead(exports: &[String]) -> String {
    match exports {
        [] => "; it exports nothing".to_owned(),
        some => format!("; it exports {}", some.join(", ")),
    }
}

/// How modules come by an import, and how to build one without it: the end of a sentence, with its colon.
pub fn cure(import: &str) -> &'static str {
    if import.starts_with("wasi:sockets") || import.starts_with("wasi:http") {
        ": nothing here reaches a network. Remove the code that opens connections (componentize-py: build with --stub-wasi; \
         componentize-js: disableFeatures [\"http\", \"fetch-event\"])"
    } else if import.starts_with("wasi:") {
        ": build for wasm32-unknown-unknown instead of wasm32-wasip1 or wasm32-wasip2 (componentize-py: --stub-wasi; \
         componentize-js: disableFeatures [\"random\", \"stdio\", \"clocks\"])"
    } else if import.starts_with("rehearsal:guest/clone") {
        ": a validator rules on the record and sees no clone"
    } else if import.starts_with("rehearsal:") {
        ": this tool serves version 0.1.0 of rehearsal:guest; build against its WIT"
    } else {
        ": a module imports from rehearsal:guest alone; remove what needs it"
    }
}

/// A module that was refused.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {subject}: module {written:?} is refused: {reason}")]
pub struct Refusal {
    place: String,
    subject: String,
    written: String,
    /// Why.
    pub reason: Reason,
}

/// A module that may be compiled and run in its role. Only this stage makes one.
#[derive(Clone, Debug)]
pub struct AdmittedModule {
    role: Role,
    anatomy: Arc<Anatomy>,
    bytes: Arc<[u8]>,
}

impl AdmittedModule {
    /// Admits some bytes for a role.
    ///
    /// # Errors
    /// Why not.
    pub fn from_bytes(bytes: Arc<[u8]>, role: Role) -> Result<Self, Reason> {
        let anatomy = Anatomy::read(&bytes)?;
        if anatomy.kind == Kind::CoreModule {
            return Err(Reason::CoreModule);
        }
        // Imports first: of a module that is both foreign and greedy, what it reaches for is the thing to know.
        if let Some(import) = anatomy.imports.iter().find(|import| !role.may_import().contains(&import.as_str())) {
            return Err(Reason::Import { import: import.clone(), role });
        }
        if !anatomy.exports.contains(&role.exports()) {
            return Err(Reason::Export { role, exports: anatomy.exports });
        }
        fits_world(&bytes, role)?;
        Ok(Self { role, anatomy: Arc::new(anatomy), bytes })
    }

    /// What it was admitted as.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What its bytes say.
    pub fn anatomy(&self) -> &Anatomy {
        &self.anatomy
    }

    /// Its bytes.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }
}

/// Validates the component and compares its type with the world's, function by function.
fn fits_world(bytes: &[u8], role: Role) -> Result<(), Reason> {
    wasmparser::Validator::new().validate_all(bytes).map_err(|error| Reason::Broken(error.to_string()))?;
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("rehearsal.wit", GUEST_WIT).expect("the guest WIT was parsed when this tool was built");
    let world = resolve.select_world(&[package], Some(&role.world())).expect("every role has a world");
    wit_component::targets(&resolve, world, bytes).map_err(|error| {
        let detail = error.chain().last().map(ToString::to_string).unwrap_or_default();
        Reason::World { role, detail: detail.lines().next().unwrap_or_default().to_owned() }
    })
}

/// A plan whose every module is admitted. Only [`check`] makes one.
#[derive(Debug)]
pub struct Admitted {
    preflighted: Preflighted,
    modules: BTreeMap<(Sha256, Role), AdmittedModule>,
}

impl Admitted {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        self.preflighted.plan()
    }

    /// Every admitted module, by digest and role.
    pub fn modules(&self) -> &BTreeMap<(Sha256, Role), AdmittedModule> {
        &self.modules
    }
}

/// Every use of a module in the plan, with the role that it is used in.
pub fn uses(plan: &Plan) -> impl Iterator<Item = (&ModulePlan, Role)> {
    let steps = plan.steps.iter().map(|step| (&step.module, Role::Step));
    let probes = plan.probes.iter().map(|probe| (&probe.module, Role::Probe));
    steps.chain(probes).chain([(&plan.validator, Role::Validator)])
}

/// Admits every module of the plan.
///
/// # Errors
/// The first refusal.
pub fn check(preflighted: Preflighted) -> Result<Admitted, Refusal> {
    let mut modules = BTreeMap::new();
    let plan = preflighted.plan();
    for (module, role) in uses(plan) {
        if modules.contains_key(&(module.found, role)) {
            continue;
        }
        let admitted = AdmittedModule::from_bytes(plan.bytes(module.found).clone(), role).map_err(|reason| Refusal {
            place: module.place.clone(),
            subject: module.subject.clone(),
            written: module.written.clone(),
            reason,
        })?;
        modules.insert((module.found, role), admitted);
    }
    Ok(Admitted { preflighted, modules })
}
