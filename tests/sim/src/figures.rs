//! The figures of a play.

use core::fmt;

use serde::Serialize;

/// Figures by name, in the order in which they are printed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(Vec<(&'static str, Figure)>);

/// A figure, as it is printed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// With two decimals.
    Count(f64),
    /// With one decimal; `None` when it never happened.
    Rounds(Option<f64>),
    /// With three decimals; `None` when it never happened.
    Seconds(Option<f64>),
    /// In percent.
    Share(f64),
    /// Without decimals.
    Whole(f64),
}

impl Figures {
    /// Adds a figure.
    pub fn add(&mut self, name: &'static str, figure: Figure) {
        self.0.push((name, figure));
    }

    /// The figure of a name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<Figure> {
        self.iter().find(|(known, _)| *known == name).map(|(_, figure)| figure)
    }

    /// All figures.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Figure)> {
        self.0.iter().copied()
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad` applies the width to the whole text.
        let text = match *self {
            Self::Count(value) => format!("{value:.2}"),
            Self::Rounds(Some(value)) => format!("{value:.1}"),
            Self::Seconds(Some(value)) => format!("{value:.3}"),
            Self::Rounds(None) | Self::Seconds(None) => "never".into(),
            Self::Share(value) => format!("{:.0}%", value * 100.0),
            Self::Whole(value) => format!("{value:.0}"),
        };
        f.pad(&text)
    }
}

impl Serialize for Figures {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, figure)| (name, figure.value())))
    }
}

impl Figure {
    const fn value(self) -> Option<f64> {
        match self {
            Self::Count(value) | Self::Share(value) | Self::Whole(value) => Some(value),
            Self::Rounds(value) | Self::Seconds(value) => value,
        }
    }
}
