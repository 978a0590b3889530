//! Which guests there are: read from the manifests of the probes workspace.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};
use serde::Deserialize;

/// One guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guest {
    /// The name of its file in `target/guests`: that of the package, or of the example.
    pub(crate) name: String,
    /// Its source, relative to the checkout.
    pub(crate) source: String,
    /// Its core module, relative to the directory that the compiler writes to.
    pub(crate) artifact: String,
    /// Whether it is one of the modules that misbehave, and may import what others may not.
    pub(crate) hostile: bool,
}

#[derive(Deserialize)]
struct WorkspaceManifest {
    workspace: Workspace,
}

#[derive(Deserialize)]
struct Workspace {
    members: Vec<String>,
}

#[derive(Deserialize)]
struct PackageManifest {
    package: Package,
    lib: Option<Target>,
    #[serde(default, rename = "example")]
    examples: Vec<Target>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Target {
    name: Option<String>,
    #[serde(default)]
    crate_type: Vec<String>,
}

impl Target {
    fn is_guest(&self) -> bool {
        self.crate_type.iter().any(|crate_type| crate_type == "cdylib")
    }
}

/// Every guest: the members whose library is a `cdylib`, and the examples that are one.
pub(crate) fn find(root: &Path) -> anyhow::Result<Vec<Guest>> {
    let manifest: WorkspaceManifest = read(&root.join("probes/Cargo.toml"))?;
    let mut guests = Vec::new();
    for member in &manifest.workspace.members {
        let directory = root.join("probes").join(member);
        let manifest: PackageManifest = read(&directory.join("Cargo.toml"))?;
        let package = &manifest.package.name;
        let hostile = package == "hostile";
        if manifest.lib.as_ref().is_some_and(Target::is_guest) {
            guests.push(Guest {
                name: package.clone(),
                source: format!("probes/{member}"),
                artifact: format!("{}.wasm", package.replace('-', "_")),
                hostile,
            });
        }
        for example in manifest.examples.iter().filter(|example| example.is_guest()) {
            let name = example.name.clone().with_context(|| format!("an example of {package} has no name"))?;
            let source = format!("probes/{member}/examples/{name}.rs");
            guests.push(Guest { artifact: format!("examples/{name}.wasm"), name, source, hostile });
        }
        check_examples(&directory, &manifest)?;
    }
    Ok(guests)
}

/// An example that the manifest does not list would never be built, and nobody would notice.
fn check_examples(directory: &Path, manifest: &PackageManifest) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(directory.join("examples")) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let listed = manifest.examples.iter().any(|example| example.name.as_ref() == Some(&name));
        if path.extension().is_some_and(|extension| extension == "rs") && !listed {
            bail!(
                "{} is not listed: add an [[example]] of that name with crate-type = [\"cdylib\"] to {}",
                path.display(),
                directory.join("Cargo.toml").display()
            );
        }
    }
    Ok(())
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("cannot understand {}", path.display()))
}
