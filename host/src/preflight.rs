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
#[error(
    "{place}: {file} has SHA-256 {found}, but the plan pins {pinned}; restore the reviewed file, or review this one and change the pin"
)]
pub struct PinMismatch {
    place: String,
    file: String,
    found: Sha256,
    pinned: Sha256,
}

/// Verifies every pin of the plan but the source's, which intake reads.
///
/// # Errors
/// The first pin that does not hold.
pub fn check(plan: Plan) -> Result<Preflighted, PinMismatch> {
    let holds = |place: &str, file: String, found: Sha256, pinned: Option<Sha256>| match pinned {
        Some(pinned) if pinned != found => Err(PinMismatch { place: place.to_owned(), file, found, pinned }),
        _ => Ok(()),
    };
    for document in &plan.documents {
        holds(&document.place, format!("document: {:?}", document.written), document.found, Some(document.pinned))?;
    }
    for module in plan.modules() {
        holds(&module.place, format!("{}: {:?}", module.subject, module.written), module.found, module.pinned)?;
        for (name, input) in &module.inputs {
            let file = format!("{}, input {name:?}: {:?}", module.subject, input.written);
            holds(&input.place, file, input.found, input.pinned)?;
        }
    }
    Ok(Preflighted { plan })
}
