//! What clones cost by themselves: to make, to open, to restore, to probe, to digest.

use std::hint::black_box;

use crate::{
    database::{ALLOWED_INSERT, POINT_QUERY, REFUSED_INSERT, touch_scattered},
    figures::{Figures, Target, Unit},
    measure::Measure,
    subject::{Subject, ask, base, clone_of, connect, probe},
};
use rehearsal_clone::Image;

/// What is compared between sizes.
pub(crate) const CREATE: &str = "clone";
pub(crate) const OPEN: &str = "clone, open, close";
pub(crate) const FRESH: &str = "probes, fresh";
pub(crate) const POOLED: &str = "probes, pooled";

/// Measures everything here.
pub(crate) fn run(measure: &mut Measure<'_>, subject: &Subject, figures: &mut Figures) {
    openings(measure, subject, figures);
    restores(measure, subject, figures);
    probes(measure, subject, figures);
    digests(measure, subject, figures);
}

fn openings(measure: &mut Measure<'_>, subject: &Subject, figures: &mut Figures) {
    let size = measure.size;
    let mut note = |name, target, value: Option<f64>| value.inspect(|value| figures.note(name, &size, Unit::Time, target, *value));
    note(CREATE, Target::None, measure.each(CREATE, || drop(subject.fresh())));
    note(OPEN, Target::AtMost(50_000.0), measure.each(OPEN, || drop(connect(&subject.fresh()))));
    let name = "clone, open, first statement, close";
    note(name, Target::None, measure.each(name, || ask(&connect(&subject.fresh()), POINT_QUERY)));
}

fn restores(measure: &mut Measure<'_>, subject: &Subject, figures: &mut Figures) {
    let size = measure.size;
    let mut note = |name, target, value: Option<f64>| value.inspect(|value| figures.note(name, &size, Unit::Time, target, *value));
    let clone = subject.fresh();
    let connection = connect(&clone);
    connection.execute(ALLOWED_INSERT, []).expect("INSERT");
    let changed = clone.image();

    note("snapshot", Target::None, measure.each("snapshot", || drop(clone.image())));
    let name = "restore";
    let mut alternate = || {
        clone.restore(&subject.image).expect("nobody is writing");
        clone.restore(&changed).expect("nobody is writing");
    };
    note(name, Target::AtMost(1000.0), measure.each(name, &mut alternate).map(|both| both / 2.0));
    let name = "restore after a change of one page and the first";
    clone.restore(&subject.image).expect("nobody is writing");
    let change = || touch_scattered(&connection, 1);
    let restored = measure.prepared(name, change, |()| clone.restore(&subject.image).expect("nobody is writing"));
    note(name, Target::AtMost(1000.0), restored);
}

fn probes(measure: &mut Measure<'_>, subject: &Subject, figures: &mut Figures) {
    let size = measure.size;
    let mut note = |name, target, value: Option<f64>| value.inspect(|value| figures.note(name, &size, Unit::Rate, target, 1e9 / value));
    note(FRESH, Target::AtLeast(3000.0), measure.each(FRESH, || probe(&connect(&subject.fresh()), REFUSED_INSERT)));

    let clone = subject.fresh();
    let connection = connect(&clone);
    let restore = || clone.restore(&subject.image).expect("nobody is writing");
    let mut pooled = || {
        restore();
        probe(&connection, REFUSED_INSERT);
    };
    note(POOLED, Target::AtLeast(25_000.0), measure.each(POOLED, &mut pooled));
    let name = "probes, pooled, COMMIT";
    let mut committed = || {
        restore();
        connection.execute(ALLOWED_INSERT, []).expect("INSERT");
    };
    note(name, Target::None, measure.each(name, &mut committed));
    let name = "point queries, pooled";
    let mut query = || {
        restore();
        ask(&connection, POINT_QUERY);
    };
    note(name, Target::None, measure.each(name, &mut query));
}

fn digests(measure: &mut Measure<'_>, subject: &Subject, figures: &mut Figures) {
    let size = measure.size;
    // What the base comes to is computed once.
    subject.image.state_digest().expect("a digest");
    subject.image.bytes_digest().expect("a digest");

    let store = &subject.store;
    let clone = clone_of(&subject.image, store);
    let connection = connect(&clone);
    for rows in [1, 25, 1000] {
        let touched = || {
            clone.restore(&subject.image).expect("nobody is writing");
            touch_scattered(&connection, rows);
            clone.image()
        };
        touched();
        // The first page counts as well: a COMMIT changes it.
        let pages = clone.taken_bytes() / subject.image.page_bytes() as u64;
        if pages <= rows.unsigned_abs() {
            continue;
        }
        let state = |image: &mut Image| {
            black_box(image.state_digest().expect("a digest"));
        };
        let bytes = |image: &mut Image| {
            black_box(image.bytes_digest().expect("a digest"));
        };
        for (kind, digest) in [("state", &state as &dyn Fn(&mut Image)), ("bytes", &bytes)] {
            let name = format!("{kind} digest, {rows} scattered pages and the first");
            let Some(took) = measure.prepared(&name, touched, digest) else { continue };
            figures.note(&name, &size, Unit::Time, Target::None, took);
            figures.note(&format!("{name}, each"), &size, Unit::Time, Target::AtMost(5000.0), took / pages as f64);
        }
    }
}

/// The digest of a base of which nothing is known, in nanoseconds.
pub(crate) fn base_digest(subject: &Subject) -> f64 {
    let begin = std::time::Instant::now();
    Image::of(base(&subject.path)).state_digest().expect("a digest");
    begin.elapsed().as_nanos() as f64
}
