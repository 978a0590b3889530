//! The arguments, and the help that teaches them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{intake::ImageCache, rehearse::Resources};

/// Rehearse a change to a production database on an isolated clone, and write down what the bytes say.
///
/// A plan names a source (an SQLite file or a SQL dump), the steps to rehearse, the probes that throw bad input at the
/// result, and the validator that rules on the record. Steps, probes and validator are WebAssembly components that can
/// reach the clone and nothing else. The outcome is a packet that anyone can check and repeat. This tool has no command
/// that touches production, and its decision is always HOLD.
#[derive(Debug, Parser)]
#[command(name = "rehearsal", version, max_term_width = 100, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  rehearsed clean; the gate passes; a rerun matches
  1  the tool could not do its work: usage, input or output, internal
  2  it ran and something failed closed: a finding, drift
  3  not applied: no admissible clone

Start with:
  rehearsal audit PLAN       what each module may touch; runs nothing
  rehearsal run PLAN         rehearse, and write a packet
  rehearsal gate PACKET      re-check a packet from its bytes
  rehearsal rerun PACKET     repeat it, and compare tree hashes";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Rehearse a plan and write a packet
    Run(RunArguments),
    /// Check a packet from its bytes: nothing is run
    Gate(GateArguments),
    /// Repeat the rehearsal of a packet and compare tree hashes
    Rerun(RerunArguments),
    /// Show what a plan's modules, or one module, may touch: nothing is run
    Audit(AuditArguments),
}

impl Command {
    pub(super) fn format(&self) -> Format {
        match self {
            Command::Run(arguments) => arguments.format,
            Command::Gate(arguments) => arguments.format,
            Command::Rerun(arguments) => arguments.format,
            Command::Audit(arguments) => arguments.format,
        }
    }
}

/// How the outcome is written to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Human,
    /// One JSON object.
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The plan is a TOML file; paths in it are relative to it.

Every leg and every case runs on a fresh private clone of the source. What it changes is in memory
or, beyond --memory-mib, in a file without a name in the directory for temporary files (TMPDIR),
and gone on every way out. The source is only read, and must stand still meanwhile.

The image of a large dump is kept in rehearsal/images in XDG_CACHE_HOME (or ~/.cache), and checked
before it is used: with --no-cache it is neither used nor kept, and the packet is the same.")]
pub(super) struct RunArguments {
    /// The plan: a TOML file
    pub(super) plan: PathBuf,
    /// Where to write the packet: a directory that does not exist yet [default: rehearsals/PLAN-TIME]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) resources: ResourceArguments,
    /// Import a dump anew, and keep nothing of it
    #[arg(long)]
    pub(super) no_cache: bool,
    /// How to write the outcome
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Passes (0) when every file is the one that the manifests name, the verdict, the decision and the report follow from the
records beside them, and the verdict is PASSED. Else it refuses (2) and names each file and why.")]
pub(super) struct GateArguments {
    /// The packet: a directory that `rehearsal run` wrote
    pub(super) packet: PathBuf,
    /// How to write the outcome
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The packet is gated first. Its own copies of the plan, the modules and the inputs are used; only the source comes from
outside, and must have the digest that the packet names; a dump is imported anew, whatever is in the cache. MATCH (0) means that every byte of evidence came out the same.")]
pub(super) struct RerunArguments {
    /// The packet: a directory that `rehearsal run` wrote
    pub(super) packet: PathBuf,
    /// Where the source is now [default: where it was]
    #[arg(long, value_name = "FILE")]
    pub(super) source: Option<PathBuf>,
    #[command(flatten)]
    pub(super) resources: ResourceArguments,
    /// How to write the outcome
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct AuditArguments {
    /// A plan (TOML) or a module (WebAssembly)
    #[arg(value_name = "PLAN|MODULE")]
    pub(super) subject: PathBuf,
    /// How to write the outcome
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// What a rehearsal may take of the machine. No packet depends on it.
#[derive(Debug, Args)]
pub(super) struct ResourceArguments {
    /// How many legs or cases run at a time [default: the number of processors]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// How much memory the changes of all clones may take together; what is more goes into TMPDIR
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    memory_mib: u32,
}

impl ResourceArguments {
    /// With the defaults filled in.
    pub(super) fn resources(&self, image_cache: Option<ImageCache>) -> Resources {
        let jobs = self.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
        Resources { jobs, memory_bytes_max: u64::from(self.memory_mib) << 20, image_cache }
    }
}
