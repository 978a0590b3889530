//! `rehearsal audit`

use std::{fs::File, io::Read as _, path::Path};

use anyhow::Context as _;

use super::{
    Failure, admitted,
    args::{AuditArguments, Format},
    say, say_json,
};
use crate::{admit::Anatomy, display, exit, plan::read_file, seal::plan_record};

pub(super) fn audit(arguments: &AuditArguments) -> Result<u8, Failure> {
    let subject = &arguments.subject;
    if is_wasm(subject)? {
        let anatomy = Anatomy::read(&read_file(subject)?).with_context(|| subject.display().to_string())?;
        match arguments.format {
            Format::Human => say(&display::audit_module(&subject.display().to_string(), &anatomy))?,
            Format::Json => say_json(&anatomy)?,
        }
    } else {
        let plan = plan_record(&admitted(subject)?);
        match arguments.format {
            Format::Human => say(&display::audit_plan(&plan))?,
            Format::Json => say_json(&plan)?,
        }
    }
    Ok(exit::CLEAN)
}

/// Whether a file is WebAssembly, by its first bytes or, for one that is broken, by its name.
fn is_wasm(path: &Path) -> anyhow::Result<bool> {
    if path.extension().is_some_and(|extension| extension == "wasm") {
        return Ok(true);
    }
    let cannot_read = || format!("cannot read {}", path.display());
    if !path.metadata().with_context(cannot_read)?.is_file() {
        anyhow::bail!("{} is not a file: name a plan (TOML) or a module (WebAssembly)", path.display());
    }
    let mut start = Vec::new();
    File::open(path).with_context(cannot_read)?.take(4).read_to_end(&mut start).with_context(cannot_read)?;
    Ok(start == b"\0asm")
}
