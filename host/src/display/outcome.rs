//! The outcome of a command, in words.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};
use rehearsal_packet::{
    CheckedPacket, Sha256,
    plan_record::{ModuleGrant, PlanRecord},
    record::SourceKind,
    report::{CheckResult, Report},
    verdict::Outcome,
};

use crate::{
    admit::{Anatomy, Kind, Role, cure},
    plan::Limits,
};

const GOOD: Style = AnsiColor::Green.on_default().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();
const CAUTION: Style = AnsiColor::Yellow.on_default().bold();
const FAINT: Style = Style::new().dimmed();

/// How many reasons people are shown; programs get all of them.
const REASONS_SHOWN: usize = 20;

/// The outcome of a run.
pub fn human(report: &Report, packet: &str, tree: Sha256) -> String {
    render(|out| {
        let (style, word) = match report.verdict {
            Outcome::Passed => (GOOD, "PASSED"),
            Outcome::Failed => (BAD, "FAILED"),
        };
        writeln!(out, "rehearsal of {}: {style}{word}{style:#}, {CAUTION}HOLD{CAUTION:#}\n", report.plan)?;
        let kind = match report.source.kind {
            SourceKind::Sqlite => "database",
            SourceKind::Dump => "dump",
        };
        let unchanged = if report.source.unchanged { "unchanged" } else { "CHANGED" };
        let (bytes, tables) = (grouped(report.source.bytes.0), report.source.tables);
        let s = if tables == 1 { "" } else { "s" };
        writeln!(out, "source     {kind} of {bytes} bytes, {tables} table{s}, {unchanged}")?;
        for step in &report.steps {
            writeln!(out, "\nstep {}", step.step)?;
            for leg in &step.legs {
                writeln!(out, "  {:<14} {} {FAINT}{}{FAINT:#}", leg.leg, mark(leg.result), leg.observed)?;
            }
        }
        for probe in &report.probes {
            writeln!(out, "\nprobe {}", probe.probe)?;
            for case in &probe.cases {
                writeln!(out, "  {:<28} {} {FAINT}{}{FAINT:#}", case.case, mark(case.result), case.observed)?;
            }
        }
        let validator = &report.validator;
        let ruling = match validator.accepted {
            Some(true) => "accepts the record",
            Some(false) => "refuses the record",
            None => "did not rule",
        };
        writeln!(out, "\nvalidator  {ruling}; refused {} of {} fabricated records", validator.controls_refused, validator.controls)?;
        for caveat in &report.caveats {
            writeln!(out, "{CAUTION}note{CAUTION:#}       {caveat}")?;
        }
        if !report.findings.is_empty() {
            writeln!(out, "\n{BAD}findings{BAD:#}")?;
            let next = report.findings.iter().skip(1).map(Some).chain([None]);
            for (finding, next) in report.findings.iter().zip(next) {
                writeln!(out, "  {} ({}): {}", finding.subject, finding.code.name(), finding.reason)?;
                // What is to be done about several is said once, below the last.
                if next.is_none_or(|next| next.remedy != finding.remedy) {
                    writeln!(out, "    {FAINT}what to do:{FAINT:#} {}", finding.remedy)?;
                }
            }
        }
        writeln!(out, "\npacket     {packet}")?;
        writeln!(out, "tree       {tree}")?;
        writeln!(out, "decision   HOLD until an owner decides; this tool has no command that touches production")
    })
}

fn mark(result: CheckResult) -> String {
    let style = match result {
        CheckResult::Held => GOOD,
        CheckResult::Failed => BAD,
        CheckResult::NotApplicable => FAINT,
    };
    let word = match result {
        CheckResult::Held => "held  ",
        CheckResult::Failed => "FAILED",
        CheckResult::NotApplicable => "-     ",
    };
    format!("{style}{word}{style:#}")
}

/// The outcome of a gate that passes.
pub fn gate_passed(packet: &str, checked: &CheckedPacket) -> String {
    let conclusion = checked.conclusion();
    render(|out| {
        writeln!(out, "{GOOD}PASS{GOOD:#} {packet}")?;
        writeln!(out, "  {} files are those of the manifests; verdict, decision and report follow from the evidence", checked.files())?;
        writeln!(out, "  verdict  {}", conclusion.verdict.verdict.name())?;
        writeln!(out, "  decision HOLD")?;
        writeln!(out, "  tree     {}", checked.tree())
    })
}

/// The outcome of a gate that refuses.
pub fn gate_refused(packet: &str, reasons: &[String]) -> String {
    render(|out| {
        writeln!(out, "{BAD}REFUSE{BAD:#} {packet}")?;
        for reason in reasons.iter().take(REASONS_SHOWN) {
            writeln!(out, "  {reason}")?;
        }
        if reasons.len() > REASONS_SHOWN {
            writeln!(out, "  … and {} more; --format json has all of them", reasons.len() - REASONS_SHOWN)?;
        }
        writeln!(out, "  decision HOLD: do not rely on this packet; run the rehearsal again")
    })
}

/// The outcome of a rerun.
pub fn rerun(packet: &str, of_packet: Sha256, of_rerun: Sha256, differs: &[String]) -> String {
    render(|out| {
        if of_packet == of_rerun {
            writeln!(out, "{GOOD}MATCH{GOOD:#} {packet}")?;
            return writeln!(out, "  tree {of_packet}");
        }
        writeln!(out, "{BAD}DIFFERS{BAD:#} {packet}")?;
        writeln!(out, "  tree of the packet {of_packet}\n  tree of the rerun  {of_rerun}")?;
        for file in differs.iter().take(REASONS_SHOWN) {
            writeln!(out, "  {file} came out differently")?;
        }
        if differs.len() > REASONS_SHOWN {
            writeln!(out, "  … and {} more; --format json has all of them", differs.len() - REASONS_SHOWN)?;
        }
        writeln!(out, "  decision HOLD: what cannot be repeated cannot be relied on")
    })
}

/// What the bytes of a module say.
pub fn audit_module(path: &str, anatomy: &Anatomy) -> String {
    render(|out| {
        writeln!(out, "module   {path}")?;
        writeln!(out, "sha256   {}", anatomy.sha256)?;
        writeln!(out, "bytes    {}", grouped(anatomy.bytes))?;
        let kind = match anatomy.kind {
            Kind::Component => "component",
            Kind::CoreModule => "core module (not a component: it cannot be used in a plan)",
        };
        writeln!(out, "kind     {kind}")?;
        let roles = anatomy.roles();
        let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
        writeln!(out, "role     {}", if names.is_empty() { "none of step, probe, validator".to_owned() } else { names.join(", ") })?;
        writeln!(out, "imports")?;
        if anatomy.imports.is_empty() {
            writeln!(out, "  nothing")?;
        }
        for import in &anatomy.imports {
            let refused = !roles.is_empty() && !roles.iter().any(|role| role.may_import().contains(&import.as_str()))
                || roles.is_empty() && !Role::Step.may_import().contains(&import.as_str());
            let remark =
                if refused { format!("  {BAD}REFUSED{BAD:#}{}", cure(import)) } else { format!("  {FAINT}{}{FAINT:#}", means(import)) };
            writeln!(out, "  {}{remark}", rehearsal_packet::printable(import, 200))?;
        }
        writeln!(out, "exports")?;
        for export in &anatomy.exports {
            writeln!(out, "  {}", rehearsal_packet::printable(export, 200))?;
        }
        if !anatomy.custom_sections.is_empty() {
            let sections: Vec<String> = anatomy.custom_sections.iter().map(|name| rehearsal_packet::printable(name, 80)).collect();
            writeln!(out, "custom   {}", sections.join(", "))?;
        }
        Ok(())
    })
}

/// What each import of the guest world comes to.
fn means(import: &str) -> &'static str {
    match import {
        "rehearsal:guest/clone@0.1.0" => "SQL on the clone that it is lent for a call",
        "rehearsal:guest/inputs@0.1.0" => "reading the inputs that the plan grants it",
        "rehearsal:guest/diagnostics@0.1.0" => "saying something",
        "rehearsal:guest/description@0.1.0" => "types only",
        _ => "",
    }
}

/// What the modules of a plan may do.
pub fn audit_plan(plan: &PlanRecord) -> String {
    render(|out| {
        let counted = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
        writeln!(out, "plan {}: {}, {}\n", plan.name, counted(plan.steps.len(), "step"), counted(plan.probes.len(), "probe"))?;
        let foreign_keys = if plan.clone.foreign_keys { "enforced" } else { "not enforced" };
        writeln!(out, "source   {} (foreign keys {foreign_keys})", written(&plan.source))?;
        for (role, modules) in [("step", &plan.steps), ("probe", &plan.probes)] {
            for module in modules {
                grant(out, &format!("{role} {}", module.name), module)?;
            }
        }
        grant(out, "validator", &plan.validator)?;
        writeln!(out, "\nnetwork, files, clock, environment, randomness: no module has them; the host has nothing to give")
    })
}

fn grant(out: &mut String, subject: &str, grant: &ModuleGrant) -> fmt::Result {
    writeln!(out, "\n{subject}")?;
    writeln!(out, "  module    {} {FAINT}{}{FAINT:#}", written(&grant.module.written), grant.module.sha256)?;
    let database = grant.imports.iter().any(|import| import.starts_with("rehearsal:guest/clone@"));
    let clone = match (database, grant.transactions.as_deref()) {
        (false, _) => "none",
        (true, Some("own")) => "reads and writes its clone; begins and ends its own transactions",
        (true, Some(_)) => "reads and writes its clone, in a transaction of the host",
        (true, None) => "reads and writes its clone, statement by statement",
    };
    writeln!(out, "  clone     {clone}")?;
    for (name, input) in &grant.inputs {
        writeln!(out, "  input     {name} = {} {FAINT}{}{FAINT:#}", written(&input.written), input.sha256)?;
    }
    let standard = Limits::STANDARD.entries();
    let raised = grant.limits.iter().filter(|(name, value)| !standard.contains(&(name.as_str(), value.0)));
    for (name, value) in raised {
        writeln!(out, "  limit     {name} = {} {FAINT}(not the default){FAINT:#}", grouped(value.0))?;
    }
    Ok(())
}

/// A path as the plan writes it. Whoever wrote the plan may not be whoever reads this.
fn written(path: &str) -> String {
    rehearsal_packet::printable(path, 400)
}

/// Runs a renderer on an empty string. Writing to a string cannot fail.
fn render(write: impl FnOnce(&mut String) -> fmt::Result) -> String {
    let mut out = String::new();
    let _ = write(&mut out);
    out
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
