//! What was measured, and what it is compared with: the table at the end.

use std::fmt::{self, Display, Formatter};

use crate::size::Size;

/// What a figure counts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    /// Nanoseconds, shown as whatever reads well.
    Time,
    /// How many a second.
    Rate,
    /// How often the one is the other.
    Ratio,
    /// Bytes.
    Bytes,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// It is measured to be known.
    None,
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

/// Everything that was measured, in order.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Row>);

#[derive(Debug)]
struct Row {
    name: String,
    unit: Unit,
    target: Target,
    by_size: [Option<f64>; Size::ALL.len()],
}

impl Figures {
    /// Notes a figure.
    pub(crate) fn note(&mut self, name: &str, size: &Size, unit: Unit, target: Target, value: f64) {
        let row = match self.0.iter().position(|row| row.name == name) {
            Some(known) => &mut self.0[known],
            None => self.0.push_mut(Row { name: name.to_owned(), unit, target, by_size: Default::default() }),
        };
        if let Some(column) = Size::ALL.iter().position(|known| known.name == size.name) {
            row.by_size[column] = Some(value);
        }
    }

    /// A figure that was noted.
    pub(crate) fn get(&self, name: &str, size: &Size) -> Option<f64> {
        let column = Size::ALL.iter().position(|known| known.name == size.name)?;
        self.0.iter().find(|row| row.name == name)?.by_size[column]
    }
}

impl Display for Figures {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let names = Size::ALL.map(|size| size.name);
        writeln!(out, "| figure | {} | target | met |", names.join(" | "))?;
        writeln!(out, "|---|{}---|---|", "---:|".repeat(names.len()))?;
        self.0.iter().try_for_each(|row| writeln!(out, "{row}"))
    }
}

impl Display for Row {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "| {} |", self.name)?;
        for value in self.by_size {
            write!(out, " {} |", value.map_or_else(String::new, |value| self.unit.shown(value)))?;
        }
        let (target, is_met): (_, Box<dyn Fn(f64) -> bool>) = match self.target {
            Target::None => return write!(out, " | |"),
            Target::AtMost(most) => (format!("≤ {}", self.unit.shown(most)), Box::new(move |value| value <= most)),
            Target::AtLeast(least) => (format!("≥ {}", self.unit.shown(least)), Box::new(move |value| value >= least)),
        };
        let missed = Size::ALL.iter().zip(self.by_size).filter(|(_, value)| value.is_some_and(|value| !is_met(value)));
        let missed: Vec<_> = missed.map(|(size, _)| size.name).collect();
        let met = if missed.is_empty() { "yes".to_owned() } else { format!("NO: {}", missed.join(", ")) };
        write!(out, " {target} | {met} |")
    }
}

impl Unit {
    fn shown(self, value: f64) -> String {
        match self {
            Unit::Time if value < 1e3 => format!("{value:.0} ns"),
            Unit::Time if value < 1e6 => format!("{:.2} µs", value / 1e3),
            Unit::Time if value < 1e9 => format!("{:.2} ms", value / 1e6),
            Unit::Time => format!("{:.2} s", value / 1e9),
            Unit::Rate => format!("{value:.0}/s"),
            Unit::Ratio => format!("{value:.2}"),
            Unit::Bytes => format!("{:.0} MB", value / 1e6),
        }
    }
}

/// The median: of an even number of values, the larger of the two.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
