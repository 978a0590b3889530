//! Makes components of core modules, and looks at what they import.

use anyhow::bail;
use wasmparser::{ComponentExternalKind, Parser, Payload};
use wit_component::ComponentEncoder;

use super::Guest;

/// All that a guest may import.
const PACKAGE: &str = "rehearsal:guest/";

/// Makes a component of a core module; the world stands in the module, where the SDK put it.
pub(crate) fn encode(core: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default().validate(true).module(core)?.encode()
}

/// A guest that imports anything else would be refused by the host: better told here. Hostile ones are there to be refused.
pub(crate) fn check_imports(guest: &Guest, component: &[u8]) -> anyhow::Result<()> {
    let foreign: Vec<String> = imports(component)?.into_iter().filter(|name| !name.starts_with(PACKAGE)).collect();
    if !guest.hostile && !foreign.is_empty() {
        bail!("{} imports {}, and a guest may import {PACKAGE}* alone", guest.name, foreign.join(", "));
    }
    Ok(())
}

/// The names that a component imports.
fn imports(component: &[u8]) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import?;
                    if import.ty.kind() != ComponentExternalKind::Type {
                        names.push(import.name.name.to_owned());
                    }
                }
            }
            _ => {}
        }
    }
    Ok(names)
}
