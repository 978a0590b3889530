//! Stage 7, seal: what is known becomes the evidence of a packet. Writing it is [`rehearsal_packet::seal`].

use std::collections::BTreeMap;

use rehearsal_packet::{
    Count, Sha256,
    contents::Evidence,
    isolation::{ISOLATION_FORMAT, IsolationRecord, Layer, LayerState},
    plan_record::{CloneSettings, FileUse, ModuleGrant, PLAN_RECORD_FORMAT, PlanRecord},
    record::Record,
    verdict::RulingRecord,
};

use crate::{
    admit::{Admitted, Role},
    plan::{ModulePlan, Transactions},
};

/// Puts the evidence together.
pub fn evidence(admitted: &Admitted, record: Record, ruling: RulingRecord) -> Evidence {
    let plan = admitted.plan();
    Evidence {
        plan_text: plan.text.clone().into_bytes(),
        plan: plan_record(admitted),
        isolation: isolation(),
        record,
        ruling,
        files: plan.materials.iter().map(|(digest, material)| (*digest, material.bytes.to_vec())).collect(),
    }
}

/// The plan as it was resolved.
pub fn plan_record(admitted: &Admitted) -> PlanRecord {
    let plan = admitted.plan();
    let grant = |name: &str, summary: &str, module: &ModulePlan, role: Role, transactions: Option<Transactions>| {
        let anatomy = admitted.modules()[&(module.found, role)].anatomy();
        let inputs = module.inputs.iter().map(|(name, input)| (name.clone(), file_use(&input.written, input.found)));
        let limits = module.limits.entries().into_iter().map(|(name, value)| (name.to_owned(), Count(value)));
        ModuleGrant {
            name: name.to_owned(),
            summary: summary.to_owned(),
            module: file_use(&module.written, module.found),
            imports: anatomy.imports.clone(),
            exports: anatomy.exports.clone(),
            inputs: inputs.collect(),
            transactions: transactions.map(|transactions| match transactions {
                Transactions::Host => "host".to_owned(),
                Transactions::Own => "own".to_owned(),
            }),
            limits: limits.collect::<BTreeMap<_, _>>(),
        }
    };
    PlanRecord {
        format: PLAN_RECORD_FORMAT,
        name: plan.name.clone(),
        summary: plan.summary.clone(),
        text: Sha256::of(plan.text.as_bytes()),
        source: plan.source.written.clone(),
        source_kind: plan.source.kind,
        clone: CloneSettings { foreign_keys: plan.clone.foreign_keys, now_unix_ms: plan.clone.now_unix_ms, seed: plan.clone.seed },
        documents: plan.documents.iter().map(|document| file_use(&document.written, document.found)).collect(),
        steps: plan.steps.iter().map(|step| grant(&step.name, &step.summary, &step.module, Role::Step, Some(step.transactions))).collect(),
        probes: plan.probes.iter().map(|probe| grant(&probe.name, &probe.summary, &probe.module, Role::Probe, None)).collect(),
        validator: grant("validator", "", &plan.validator, Role::Validator, None),
    }
}

fn file_use(written: &str, sha256: Sha256) -> FileUse {
    FileUse { written: written.to_owned(), sha256 }
}

/// What stood between the modules and everything else, and what this version does not have.
fn isolation() -> IsolationRecord {
    let layer = |layer: &str, state, holds: &[&str]| Layer {
        layer: layer.to_owned(),
        state,
        holds: holds.iter().map(|sentence| (*sentence).to_owned()).collect(),
    };
    IsolationRecord {
        format: ISOLATION_FORMAT,
        layers: vec![
            layer(
                "types",
                LayerState::Held,
                &[
                    "the guest world has no function that reaches a network, a file, a clock, an environment or randomness",
                    "a module's only handle is a borrowed one to its clone, for the length of one call, on an instance of its own",
                ],
            ),
            layer(
                "admission",
                LayerState::Held,
                &[
                    "every module was read before it was compiled; data/plan.json lists all that it imports",
                    "the linker knows the interfaces of rehearsal:guest@0.1.0 and no other",
                ],
            ),
            layer(
                "sql",
                LayerState::Held,
                &[
                    "no ATTACH, no extension loading, no writable schema, no pragma but those on a list; an authorizer decides on each statement as it is prepared",
                    "SQLite's defensive mode, an untrusted schema, and limits on what one statement may be",
                    "time in SQL stands still and randomness in SQL is seeded, as data/plan.json says",
                ],
            ),
            layer(
                "engine",
                LayerState::Held,
                &[
                    "SQLite was built without an operating system: no code that opens a file, reads a clock or loads a library is linked",
                    "the only files that it can open are a clone, its journal and temporary files, all of them in memory or in a file without a name",
                ],
            ),
            layer(
                "source",
                LayerState::Held,
                &[
                    "the source was opened read-only and never by SQLite; data/source.json has its digest before and after",
                    "each leg and each case had a private clone, which shared only what it did not change, and is gone",
                ],
            ),
            layer(
                "limits",
                LayerState::Held,
                &[
                    "every call had fuel, a deadline, and limits on memory, rows, SQL steps, log and growth; data/plan.json has their values",
                ],
            ),
            layer(
                "process",
                LayerState::Absent,
                &[
                    "modules and SQLite ran in the process of the tool itself, which could have opened files and sockets: nothing but the layers above kept them from it",
                ],
            ),
        ],
    }
}
