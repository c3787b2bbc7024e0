//! What a rule found.

use std::fmt;

/// One place that breaks a rule, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, from the root of the repository, or what else is at fault.
    pub place: String,
    /// The line, from 1; none where the whole file is meant.
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub advice: String,
}

impl Finding {
    /// About a whole file.
    pub fn of_file(place: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { place: place.into(), line: None, advice: advice.into() }
    }

    /// About a line, from 1.
    pub fn of_line(place: impl Into<String>, line: usize, advice: impl Into<String>) -> Self {
        Self { place: place.into(), line: Some(line), advice: advice.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.place, self.advice),
            None => write!(f, "{}: {}", self.place, self.advice),
        }
    }
}

/// All findings as one text, one a line, in order of place.
pub fn told(findings: &[Finding]) -> String {
    let mut lines: Vec<&Finding> = findings.iter().collect();
    lines.sort();
    lines.iter().map(|finding| format!("\n  {finding}")).collect()
}
