//! Stage 2, preflight: everything that the plan pins is verified from its bytes.
//!
//! In: a [`Plan`]. Out: a [`Preflighted`] plan, all of whose pins hold. A pin that does not hold is a [`PinMismatch`]: either
//! the file is not the one that was reviewed, or the plan was not told of the review.

use rehearsal_packet::Sha256;

use crate::plan::Plan;

/// A plan whose pins hold. Only [`check`] makes one.
#[derive(Debug)]
pub struct Preflighted {
    plan: Plan,
}

impl Preflighted {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// A file whose bytes are not those that the plan pins.
#[derive(Debug, thiserror::Error)]
#[error("{plan}: {file} has SHA-256 {found}, but the plan pins {pinned}; restore the reviewed file, or review this one and change the pin")]
pub struct PinMismatch {
    plan: String,
    file: String,
    found: Sha256,
    pinned: Sha256,
}

/// Verifies every pin of the plan but the source's, which intake reads.
///
/// # Errors
/// The first pin that does not hold.
pub fn check(plan: Plan) -> Result<Preflighted, PinMismatch> {
    let mismatch = |subject: String, written: &str, found: Sha256, pinned: Option<Sha256>| match pinned {
        Some(pinned) if pinned != found => {
            Err(PinMismatch { plan: plan.origin.display().to_string(), file: format!("{subject}: {written:?}"), found, pinned })
        }
        _ => Ok(()),
    };
    for document in &plan.documents {
        mismatch("document".into(), &document.written, document.found, Some(document.pinned))?;
    }
    for module in plan.modules() {
        mismatch(module.subject.clone(), &module.written, module.found, module.pinned)?;
        for (name, input) in &module.inputs {
            mismatch(format!("{}, input {name:?}", module.subject), &input.written, input.found, input.pinned)?;
        }
    }
    Ok(Preflighted { plan })
}
