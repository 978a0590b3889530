//! The files that a plan names: read from beside the plan, from a packet, or out of the tool itself.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use rehearsal_packet::Sha256;

use super::nearest;

/// The modules inside the tool, by name. Their source is in `probes/`; `probes/modules.lock` ties the bytes to it.
pub const BUILTIN_MODULES: [(&str, &[u8]); 2] =
    [("sql-step", include_bytes!("../../modules/sql-step.wasm")), ("validator", include_bytes!("../../modules/validator.wasm"))];

/// A file larger than this is not a module, an input or a document that anybody reviewed.
const MATERIAL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One file: what it was used as decides where it is kept in the packet.
#[derive(Clone, Debug)]
pub struct Material {
    /// The names under which the plan writes it.
    pub written: Vec<String>,
    /// The bytes.
    pub bytes: Arc<[u8]>,
}

/// Somewhere to read files from.
pub trait Materials {
    /// The bytes of a file as the plan writes its name.
    ///
    /// # Errors
    /// [`MaterialError`], which names the place that was looked at.
    fn read(&self, written: &str) -> Result<Arc<[u8]>, MaterialError>;

    /// Where the source is.
    fn source(&self, written: &str) -> PathBuf;
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MaterialError {
    /// There is none, or it cannot be opened.
    #[error("cannot read {}: {error}", .path.display())]
    Unreadable {
        /// Where it was looked for.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Too large to be one.
    #[error("{} is larger than {} MiB, the most that a module, an input or a document may have", .0.display(), MATERIAL_BYTES_MAX >> 20)]
    TooLarge(PathBuf),
    /// A directory.
    #[error("{} is a directory: name a file", .0.display())]
    Directory(PathBuf),
    /// A device, a pipe.
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    /// No such module in the tool.
    #[error("there is no built-in module {name:?}{}; the tool has: builtin:sql-step, builtin:validator", did_you_mean(.name))]
    NoBuiltin {
        /// What was asked for.
        name: String,
    },
    /// The packet does not hold it.
    #[error("the packet does not hold {0:?}, which its plan names")]
    NotInPacket(String),
}

fn did_you_mean(name: &str) -> String {
    nearest(name, BUILTIN_MODULES.map(|(name, _)| name)).map_or(String::new(), |name| format!(" (did you mean {name:?}?)"))
}

/// Files beside the plan: paths are relative to its directory. `builtin:NAME` is a module of the tool.
#[derive(Debug)]
pub struct FromDirectory {
    directory: PathBuf,
}

impl FromDirectory {
    /// The directory of a plan file.
    pub fn beside(plan: &Path) -> Self {
        Self { directory: plan.parent().map(Path::to_owned).unwrap_or_default() }
    }
}

impl Materials for FromDirectory {
    fn read(&self, written: &str) -> Result<Arc<[u8]>, MaterialError> {
        if let Some(name) = written.strip_prefix("builtin:") {
            return builtin(name).ok_or_else(|| MaterialError::NoBuiltin { name: name.to_owned() });
        }
        read_file(&self.directory.join(written))
    }

    fn source(&self, written: &str) -> PathBuf {
        self.directory.join(written)
    }
}

/// The bytes of a module of the tool.
fn builtin(name: &str) -> Option<Arc<[u8]>> {
    BUILTIN_MODULES.iter().find(|(known, _)| *known == name).map(|(_, bytes)| Arc::from(*bytes))
}

/// Reads a whole file within the bound, and nothing that could block.
pub(crate) fn read_file(path: &Path) -> Result<Arc<[u8]>, MaterialError> {
    let unreadable = |error| MaterialError::Unreadable { path: path.to_owned(), error };
    // Asked before opening: opening a FIFO would wait for a writer.
    let metadata = path.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(MaterialError::Directory(path.to_owned()));
    }
    if !metadata.is_file() {
        return Err(MaterialError::NotAFile(path.to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MATERIAL_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MATERIAL_BYTES_MAX {
        return Err(MaterialError::TooLarge(path.to_owned()));
    }
    Ok(bytes.into())
}

/// Files of a packet that was checked: by the name that the plan writes, whatever is at that path today.
#[derive(Debug)]
pub struct FromPacket {
    by_name: BTreeMap<String, Arc<[u8]>>,
    source: PathBuf,
}

impl FromPacket {
    /// `by_name` holds every file under each name that the plan writes; `source` is where the operator says the source is.
    pub fn new(by_name: BTreeMap<String, Arc<[u8]>>, source: PathBuf) -> Self {
        Self { by_name, source }
    }
}

impl Materials for FromPacket {
    fn read(&self, written: &str) -> Result<Arc<[u8]>, MaterialError> {
        self.by_name.get(written).cloned().ok_or_else(|| MaterialError::NotInPacket(written.to_owned()))
    }

    fn source(&self, _written: &str) -> PathBuf {
        self.source.clone()
    }
}

/// Keeps each file once, under its digest.
#[derive(Debug, Default)]
pub(super) struct Collected(pub(super) BTreeMap<Sha256, Material>);

impl Collected {
    pub(super) fn add(&mut self, written: &str, bytes: Arc<[u8]>) -> Sha256 {
        let digest = Sha256::of(&bytes);
        let material = self.0.entry(digest).or_insert(Material { written: Vec::new(), bytes });
        if !material.written.iter().any(|known| known == written) {
            material.written.push(written.to_owned());
        }
        digest
    }
}
