//! `rehearsal gate`

use rehearsal_packet::{CheckedPacket, GateError, Sha256, bag::CheckError, gate as check, verdict::Outcome};
use serde::Serialize;

use super::{
    Failure,
    args::{Format, GateArguments},
    say, say_json,
};
use crate::{display, exit};

/// The outcome as JSON.
#[derive(Serialize)]
struct GateOutcome {
    packet: String,
    gate: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Outcome>,
    decision: &'static str,
    /// Why it is refused: each begins with the file.
    reasons: Vec<String>,
    exit_code: u8,
}

pub(super) fn gate(arguments: &GateArguments) -> Result<u8, Failure> {
    let packet = arguments.packet.display().to_string();
    let (checked, reasons) = match check(&arguments.packet) {
        Ok(checked) => {
            let reasons = refusal_of_verdict(&checked);
            (Some(checked), reasons)
        }
        Err(error) => (None, reasons(error)?),
    };
    answer(packet, checked.as_ref(), reasons, arguments.format)
}

/// Says that a packet passes or why it is refused, and gives the exit code.
pub(super) fn answer(packet: String, checked: Option<&CheckedPacket>, reasons: Vec<String>, format: Format) -> Result<u8, Failure> {
    let passes = reasons.is_empty();
    let exit_code = if passes { exit::CLEAN } else { exit::FAILED_CLOSED };
    match (format, checked) {
        (Format::Human, Some(checked)) if passes => say(&display::gate_passed(&packet, checked))?,
        (Format::Human, _) => say(&display::gate_refused(&packet, &reasons))?,
        (Format::Json, _) => say_json(&GateOutcome {
            packet,
            gate: if passes { "PASS" } else { "REFUSE" },
            tree: checked.map(CheckedPacket::tree),
            verdict: checked.map(|checked| checked.conclusion().verdict.verdict),
            decision: "HOLD",
            reasons,
            exit_code,
        })?,
    }
    Ok(exit_code)
}

/// A packet that is whole and says that the rehearsal failed is no reason to go on.
fn refusal_of_verdict(checked: &CheckedPacket) -> Vec<String> {
    match checked.conclusion().verdict.verdict {
        Outcome::Passed => Vec::new(),
        Outcome::Failed => {
            let findings = checked.conclusion().verdict.findings.len();
            let s = if findings == 1 { "" } else { "s" };
            vec![format!("data/verdict.json: the packet is whole, and its verdict is FAILED ({findings} finding{s}); see data/report.md")]
        }
    }
}

/// Why a packet is refused; an error when it could not even be read.
pub(super) fn reasons(error: GateError) -> Result<Vec<String>, Failure> {
    match error {
        GateError::Bytes(CheckError::Drifted { drifts, omitted, .. }) => {
            let mut reasons: Vec<String> = drifts.iter().map(ToString::to_string).collect();
            if omitted > 0 {
                reasons.push(format!("… and {omitted} more"));
            }
            Ok(reasons)
        }
        GateError::Contents { wrong } => Ok(wrong.iter().map(ToString::to_string).collect()),
        error @ (GateError::NotAPacket(_) | GateError::Bytes(CheckError::Io { .. })) => Err(error.into()),
    }
}
