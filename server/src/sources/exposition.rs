//! Reads the text that instances show at `/metrics`: Prometheus text format 0.0.4 and OpenMetrics 1.0. Pure.
//!
//! Samples only: help, types, units and exemplars are read over. Deliberately strict: a line that is not understood
//! fails the whole page, because half a page would be numbers that look complete.

use std::collections::BTreeMap;
use sternway_domain::time::Timestamp;

/// No instance of a service has more; a page that does is a mistake.
const MAX_SAMPLES: usize = 200_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Timestamps in milliseconds, no end mark.
    Text,
    /// Timestamps in seconds; ends with `# EOF`, without which it was cut off.
    OpenMetrics,
}

impl Format {
    /// From the `Content-Type`.
    pub fn of(content_type: &str) -> Self {
        if content_type.trim_start().starts_with("application/openmetrics-text") {
            Format::OpenMetrics
        } else {
            Format::Text
        }
    }
}

/// One value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// May be NaN or infinite.
    pub value: f64,
    /// When the instance says it was taken, if it says so.
    pub at: Option<Timestamp>,
}

/// Where a page stopped making sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {text}")]
pub struct ParseError {
    pub line: usize,
    pub text: &'static str,
}

/// All samples of a page, in its order.
pub fn parse(page: &str, format: Format) -> Result<Vec<Sample>, ParseError> {
    let mut samples = Vec::new();
    let mut ended = false;
    let mut last = 0;
    for (i, line) in page.split('\n').enumerate() {
        let at = |text| ParseError { line: i + 1, text };
        let line = line.strip_suffix('\r').unwrap_or(line).trim_matches([' ', '\t']);
        if line.is_empty() {
            continue;
        }
        last = i + 1;
        if ended {
            return Err(at("there is text after `# EOF`"));
        }
        if line.starts_with('#') {
            ended = format == Format::OpenMetrics && line == "# EOF";
            continue;
        }
        if samples.len() == MAX_SAMPLES {
            return Err(at("more than 200 000 samples"));
        }
        samples.push(Line(line).sample(format).map_err(at)?);
    }
    if format == Format::OpenMetrics && !ended {
        return Err(ParseError { line: last, text: "the page ends without `# EOF`: it was cut off" });
    }
    Ok(samples)
}

/// What is left of a line.
struct Line<'a>(&'a str);

impl<'a> Line<'a> {
    fn sample(mut self, format: Format) -> Result<Sample, &'static str> {
        let mut labels = BTreeMap::new();
        let mut name = self.name(true).to_owned();
        self.skip_blanks();
        if self.eat('{') {
            let quoted = self.labels(&mut labels)?;
            match (name.is_empty(), quoted) {
                (true, Some(quoted)) => name = quoted,
                (false, Some(_)) => return Err("a sample has two names"),
                (_, None) => {}
            }
        }
        if name.is_empty() {
            return Err("a sample begins with a name");
        }
        let value = number(self.word()).ok_or("the value is not a number")?;
        let mut at = None;
        self.skip_blanks();
        if !self.0.is_empty() && !self.0.starts_with('#') {
            at = Some(timestamp(self.word(), format)?);
            self.skip_blanks();
        }
        match (self.0.is_empty(), format) {
            (true, _) => {}
            (false, Format::OpenMetrics) => self.exemplar()?,
            (false, Format::Text) => return Err("there is text after the sample"),
        }
        Ok(Sample { name, labels, value, at })
    }

    /// `# {trace_id="…"} 0.67 1520879607.789`: read over, but it must be one.
    fn exemplar(&mut self) -> Result<(), &'static str> {
        const WRONG: &str = "the exemplar is malformed";
        if !self.eat('#') {
            return Err("there is text after the sample");
        }
        self.skip_blanks();
        if !self.eat('{') || self.labels(&mut BTreeMap::new())?.is_some() {
            return Err(WRONG);
        }
        number(self.word()).ok_or(WRONG)?;
        self.skip_blanks();
        if !self.0.is_empty() {
            timestamp(self.word(), Format::OpenMetrics)?;
        }
        self.skip_blanks();
        if self.0.is_empty() { Ok(()) } else { Err(WRONG) }
    }

    /// Everything up to the closing brace. A quoted text without a value is the sample's name.
    fn labels(&mut self, into: &mut BTreeMap<String, String>) -> Result<Option<String>, &'static str> {
        let mut name = None;
        loop {
            self.skip_blanks();
            if self.eat('}') {
                return Ok(name);
            }
            let quoted = self.0.starts_with('"');
            let label = if quoted { self.quoted()? } else { self.name(false).to_owned() };
            self.skip_blanks();
            if self.eat('=') {
                if label.is_empty() {
                    return Err("a label has no name");
                }
                self.skip_blanks();
                if into.insert(label, self.quoted()?).is_some() {
                    return Err("a label is there twice");
                }
            } else if quoted && name.is_none() {
                name = Some(label);
            } else {
                return Err("a label has no `=`");
            }
            self.skip_blanks();
            if !self.eat(',') && !self.0.starts_with('}') {
                return Err("labels end with `}`");
            }
        }
    }

    fn quoted(&mut self) -> Result<String, &'static str> {
        if !self.eat('"') {
            return Err("a label's value begins with `\"`");
        }
        let mut text = String::new();
        let mut chars = self.0.char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = &self.0[i + 1..];
                    return Ok(text);
                }
                '\\' => text.push(match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, c @ ('\\' | '"'))) => c,
                    _ => return Err("only `\\\\`, `\\\"` and `\\n` can be escaped"),
                }),
                c => text.push(c),
            }
        }
        Err("a label's value has no end")
    }

    fn name(&mut self, colons: bool) -> &'a str {
        let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
        let end = self.0.find(|c| !part(c)).unwrap_or(self.0.len());
        let end = if self.0.starts_with(|c: char| c.is_ascii_digit()) { 0 } else { end };
        let (name, rest) = self.0.split_at(end);
        self.0 = rest;
        name
    }

    fn word(&mut self) -> &'a str {
        self.skip_blanks();
        let (word, rest) = self.0.split_at(self.0.find([' ', '\t']).unwrap_or(self.0.len()));
        self.0 = rest;
        word
    }

    fn skip_blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.0.strip_prefix(wanted).map(|rest| self.0 = rest).is_some()
    }
}

/// As Prometheus writes it: `12.5`, `1e9`, `NaN`, `+Inf`.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

fn timestamp(text: &str, format: Format) -> Result<Timestamp, &'static str> {
    const WRONG: &str = "the timestamp is not a number";
    let micros = match format {
        Format::Text => text.parse::<i64>().map_err(|_| WRONG)?.checked_mul(1_000).ok_or(WRONG)?,
        Format::OpenMetrics => micros(number(text).ok_or(WRONG)?).ok_or(WRONG)?,
    };
    Ok(Timestamp::from_micros(micros))
}

/// Seconds since the epoch in microseconds, if they are a moment.
pub(super) fn micros(secs: f64) -> Option<i64> {
    let micros = (secs * 1e6).round();
    // Beyond this the product of seconds and a million is no longer exact.
    (micros.abs() <= 9e15).then_some(micros as i64)
}

#[cfg(test)]
mod tests;
