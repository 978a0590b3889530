//! The report as Markdown.

use std::fmt::Write as _;

use super::Report;
use crate::{record::SourceKind, verdict::Outcome};

/// The report as GitHub-flavoured Markdown. Words of modules are escaped: they cannot open a table, a link or a heading.
pub fn to_markdown(report: &Report) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut page, report);
    page
}

fn write(page: &mut String, report: &Report) -> std::fmt::Result {
    let Report { source, validator, .. } = report;
    writeln!(page, "# Rehearsal of {}: {}, HOLD\n", escaped(&report.plan), report.verdict.name())?;
    if !report.summary.is_empty() {
        writeln!(page, "{}\n", escaped(&report.summary))?;
    }
    match report.verdict {
        Outcome::Passed => writeln!(
            page,
            "Every leg and every case held. This is evidence from an isolated clone, not permission: the decision is HOLD until an owner decides.\n"
        )?,
        Outcome::Failed => writeln!(page, "Something failed closed. The decision is HOLD.\n")?,
    }
    if !report.findings.is_empty() {
        writeln!(page, "## Findings\n")?;
        for (index, finding) in report.findings.iter().enumerate() {
            writeln!(page, "{}. **{}** ({}): {}", index + 1, escaped(&finding.subject), finding.code.name(), escaped(&finding.reason))?;
            writeln!(page, "   What to do: {}", escaped(&finding.remedy))?;
        }
        writeln!(page)?;
    }
    writeln!(page, "## Source\n")?;
    writeln!(page, "| | |\n|---|---|")?;
    let kind = match source.kind {
        SourceKind::Sqlite => "SQLite database",
        SourceKind::Dump => "SQL dump",
    };
    writeln!(page, "| kind | {kind} |\n| bytes | {} |\n| SHA-256 | `{}` |\n| tables | {} |", source.bytes, source.sha256, source.tables)?;
    writeln!(page, "| after the run | {} |\n", if source.unchanged { "unchanged" } else { "CHANGED" })?;
    if !report.steps.is_empty() {
        writeln!(page, "## Steps\n\n| step | leg | result | states, or why not |\n|---|---|---|---|")?;
        for step in &report.steps {
            for leg in &step.legs {
                writeln!(page, "| {} | {} | {} | {} |", escaped(&step.step), leg.leg, leg.result.name(), escaped(&leg.observed))?;
            }
        }
        writeln!(page, "\nWhat the steps say of themselves (claims, not evidence):\n")?;
        for step in &report.steps {
            writeln!(page, "- {}: {}", escaped(&step.step), escaped(&step.says))?;
        }
        writeln!(page)?;
    }
    for probe in &report.probes {
        writeln!(page, "## Probe {}\n\n| case | expected | observed | result |\n|---|---|---|---|", escaped(&probe.probe))?;
        for case in &probe.cases {
            writeln!(page, "| {} | {} | {} | {} |", escaped(&case.case), case.expected, escaped(&case.observed), case.result.name())?;
        }
        writeln!(page)?;
    }
    let ruling = match validator.accepted {
        Some(true) => "accepts the record",
        Some(false) => "refuses the record",
        None => "did not rule",
    };
    writeln!(
        page,
        "## Validator\n\nIt {ruling}, and refused {} of {} fabricated records.\n",
        validator.controls_refused, validator.controls
    )?;
    if !report.caveats.is_empty() {
        writeln!(page, "## To know\n")?;
        for caveat in &report.caveats {
            writeln!(page, "- {}", escaped(caveat))?;
        }
        writeln!(page)?;
    }
    writeln!(page, "## Check it yourself\n")?;
    writeln!(page, "`rehearsal gate .` re-checks these files; `bash RERUN.sh` repeats the rehearsal and compares the tree hash;")?;
    writeln!(page, "`sha256sum -c manifest-sha256.txt` needs neither. `commands.sh` lists them.")
}

/// Words of others as plain text in Markdown, in a table too.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in crate::printable(text, 4_000).chars() {
        if matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '&' | '~' | '@') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    // What GitHub would turn into links by itself.
    escaped.replace("://", "\\://").replace("www.", "www\\.")
}
