//! A packet is written whole or not at all, and never over anything.

use std::{
    env, fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use rehearsal_packet::bag::{WriteError, check};
use tempfile::TempDir;

use crate::sample::{MANIFEST, Packet, TAG_MANIFEST, bag, chain, names};

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a scratch directory")
}

fn mode(path: &Path) -> u32 {
    let metadata = path.symlink_metadata().expect("it is there");
    metadata.permissions().mode() & 0o7777
}

/// What the refusal of a target says.
fn refusal(target: &Path, directory: &Path) -> String {
    let error = bag().write_new(target).expect_err("it cannot be written");
    chain(&error).replace(&directory.display().to_string(), "OUT")
}

#[test]
fn what_was_written_is_what_was_given() {
    let packet = Packet::fresh();
    let checked = check(&packet.directory).expect("it is intact");
    let given: Vec<_> = bag().files().map(|(path, bytes)| (path.clone(), bytes.to_vec())).collect();
    let found: Vec<_> = checked.bag().files().map(|(path, bytes)| (path.clone(), bytes.to_vec())).collect();
    assert_eq!(found, given);
    assert_eq!((checked.tree(), checked.tag_tree()), (bag().tree(), bag().tag_tree()));
    assert_eq!(names(packet.outside.path()), ["ID"]);
}

#[test]
fn two_writes_are_identical() {
    let (first, second) = (Packet::fresh(), Packet::fresh());
    for (file, _) in bag().files() {
        assert_eq!(first.read(file.as_str()), second.read(file.as_str()));
    }
}

#[test]
fn modes_are_exact() {
    let packet = Packet::fresh();
    for directory in ["", "data", "data/legs", "data/modules", "run"] {
        assert_eq!(mode(&packet.at(directory)), 0o755, "{directory}");
    }
    for (file, _) in bag().files() {
        let expected = if file.as_str().ends_with(".sh") { 0o755 } else { 0o644 };
        assert_eq!(mode(&packet.at(file.as_str())), expected, "{file}");
    }
}

/// Set in a process that runs one test alone.
const ALONE: &str = "REHEARSAL_PACKET_TEST_ALONE";

/// Runs one test in a process of its own, since the umask and the working directory belong to the process.
fn passes_alone(test: &str, umask: &str, directory: &Path) -> bool {
    let program = env::current_exe().expect("the test program");
    let status = Command::new("sh")
        .args(["-c", "umask \"$2\"; exec \"$0\" --exact \"$1\""])
        .args([program.as_os_str(), test.as_ref(), umask.as_ref()])
        .current_dir(directory)
        .env(ALONE, "1")
        .stdout(Stdio::null())
        .status();
    status.expect("a shell runs").success()
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    for umask in ["000", "077", "027"] {
        let alone = scratch();
        assert!(passes_alone("writing::modes_are_exact", umask, alone.path()), "umask {umask}");
    }
}

#[test]
fn a_bare_name_means_the_working_directory() {
    if env::var_os(ALONE).is_some() {
        bag().write_new(Path::new("ID")).expect("it is written");
        return;
    }
    let alone = scratch();
    assert!(passes_alone("writing::a_bare_name_means_the_working_directory", "022", alone.path()));
    check(&alone.path().join("ID")).expect("it is intact");
    assert_eq!(names(alone.path()), ["ID"]);
}

#[test]
fn a_target_may_end_in_a_slash_or_a_dot() {
    let outside = scratch();
    for (spelling, name) in [("a/", "a"), ("b/.", "b"), ("./c", "c")] {
        bag().write_new(&outside.path().join(spelling)).expect("it is written");
        check(&outside.path().join(name)).expect("it is intact");
    }
    assert_eq!(names(outside.path()), ["a", "b", "c"]);
}

#[test]
fn other_tools_agree_with_the_manifests() {
    let packet = Packet::fresh();
    for manifest in [MANIFEST, TAG_MANIFEST] {
        let checked = Command::new("sha256sum").args(["--strict", "--quiet", "-c", manifest]).current_dir(&packet.directory).output();
        match checked {
            Ok(output) => assert!(output.status.success(), "{output:?}"),
            // Not every machine has it.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
    }
}

#[test]
fn what_exists_is_refused_and_untouched() {
    let outside = scratch();
    let target = |name: &str| outside.path().join(name);
    fs::create_dir(target("empty")).expect("a directory is made");
    fs::create_dir(target("full")).expect("a directory is made");
    fs::write(target("full/x"), "mine").expect("a file is written");
    fs::write(target("file"), "mine").expect("a file is written");
    symlink("nowhere", target("dangling")).expect("a link is made");
    for name in ["empty", "full", "file", "dangling"] {
        assert_eq!(
            refusal(&target(name), outside.path()),
            format!("`OUT/{name}` exists already, and a packet never replaces anything: choose another --out, or remove it")
        );
    }
    for spelling in ["dangling/", "empty/", "full/."] {
        assert!(refusal(&target(spelling), outside.path()).contains(" exists already, "), "{spelling}");
    }
    assert_eq!(names(outside.path()), ["dangling", "empty", "file", "full"]);
    assert_eq!(names(&target("empty")), [""; 0]);
    assert_eq!(fs::read(target("full/x")).expect("it is there"), b"mine");
    assert_eq!(fs::read(target("file")).expect("it is there"), b"mine");
}

#[test]
fn of_several_writers_exactly_one_wins() {
    let outside = scratch();
    let target = outside.path().join("ID");
    let results: Vec<_> = thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|_| scope.spawn(|| bag().write_new(&target))).collect();
        writers.into_iter().map(|writer| writer.join().expect("a writer ends")).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let lost = |result: &Result<_, WriteError>| matches!(result, Ok(_) | Err(WriteError::Exists { .. }));
    assert!(results.iter().all(lost), "{results:?}");
    check(&target).expect("it is intact");
    assert_eq!(names(outside.path()), ["ID"]);
}

#[test]
fn a_target_without_a_name_is_refused() {
    for target in ["/", "", "..", "/tmp/.."] {
        assert_eq!(
            refusal(Path::new(target), Path::new("OUT")),
            format!("`{target}` does not end in a name for the packet: choose another --out")
        );
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let outside = scratch();
    fs::write(outside.path().join("file"), "mine").expect("a file is written");
    let advice = "choose an --out in a directory that exists and can be written";
    assert_eq!(
        refusal(&outside.path().join("missing/ID"), outside.path()),
        format!("cannot write into the directory `OUT/missing`: {advice}: No such file or directory (os error 2)")
    );
    assert_eq!(
        refusal(&outside.path().join("file/ID"), outside.path()),
        format!("cannot write into the directory `OUT/file`: {advice}: not a directory")
    );
    assert_eq!(names(outside.path()), ["file"]);
}

#[test]
fn a_name_that_the_file_system_refuses_leaves_nothing() {
    let outside = scratch();
    let name = "a".repeat(256);
    assert_eq!(
        refusal(&outside.path().join(&name), outside.path()),
        format!("cannot name the packet `OUT/{name}`: choose another --out: File name too long (os error 36)")
    );
    assert_eq!(names(outside.path()), [""; 0]);
}

/// A file system in memory; unmounted when dropped. None where this process may not mount.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(options: &str) -> Option<Self> {
        let disk = Self(scratch());
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "rehearsal-test"]).arg(disk.0.path()).stderr(Stdio::null()).status();
        mounted.is_ok_and(|status| status.success()).then_some(disk)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).stderr(Stdio::null()).status();
    }
}

#[test]
fn wherever_the_disk_runs_full_nothing_is_left() {
    // A file system of so many files and directories runs full at another point of the writing each time.
    let enough = bag().files().count() + 4 + 2;
    for inodes in 2..=enough {
        let Some(disk) = SmallDisk::mount(&format!("nr_inodes={inodes}")) else {
            return;
        };
        let out = disk.0.path();
        match bag().write_new(&out.join("ID")) {
            Ok(_) => assert_eq!((inodes, names(out)), (enough, vec!["ID".to_owned()])),
            Err(error) => {
                let bytes = bag().bytes();
                let expected =
                    format!("no space is left for the packet in `OUT`: make room for at least {bytes} bytes, or choose another --out");
                assert_eq!(chain(&error).replace(&out.display().to_string(), "OUT"), expected, "{inodes} inodes");
                assert_eq!(names(out), [""; 0], "{inodes} inodes");
            }
        }
    }
}

#[test]
fn a_disk_that_runs_full_within_a_file_is_left_empty() {
    let Some(disk) = SmallDisk::mount("size=16k") else {
        return;
    };
    let error = bag().write_new(&disk.0.path().join("ID")).expect_err("four pages do not suffice");
    assert!(matches!(error, WriteError::NoSpace { .. }), "{error:?}");
    assert_eq!(names(disk.0.path()), [""; 0]);
}

#[test]
fn a_read_only_disk_is_named() {
    let Some(disk) = SmallDisk::mount("ro") else {
        return;
    };
    assert_eq!(
        refusal(&disk.0.path().join("ID"), disk.0.path()),
        "cannot write into the directory `OUT`: choose an --out in a directory that exists and can be written: \
         read-only filesystem or storage medium"
    );
}
