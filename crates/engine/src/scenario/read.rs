//! From a file's text to its scenarios, with every problem at its place.

use std::ops::Range;

use fenghuo_model::{Catalog, GatewayKey};

use super::line::Stage;
use super::plan::{Plant, Rules, Setup, Step, What};
use super::print::Names;
use super::text::{Fault, Words};
use super::{FILE_BYTES_MAX, LINES_MAX, Scenario, time, value};

/// Reading stops after so many problems.
const FAULTS_MAX: usize = 100;
/// The gateway of points that name none.
const GATEWAY: &str = "site/gw1";

/// Reads all scenarios of a file.
pub fn read(text: &str) -> Result<Vec<Scenario>, Vec<Fault>> {
    if text.len() > FILE_BYTES_MAX {
        let what = format!("{} bytes; a file has at most {FILE_BYTES_MAX}", text.len());
        return Err(vec![(0..0, what)]);
    }
    let mut reader = Reader::new(text);
    while let Some((line, span)) = reader.next_line() {
        if let Err(fault) = reader.take(line, span) {
            reader.faults.push(fault);
        }
        if reader.faults.len() >= FAULTS_MAX {
            break;
        }
    }
    reader.close();
    if reader.faults.is_empty() {
        Ok(reader.done)
    } else {
        Err(reader.faults)
    }
}

/// Where the reader stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Before the first scenario: what all of them share.
    Shared,
    /// A scenario's own lines.
    Input,
    /// Behind its `--`.
    Expected,
    /// Blank lines and comments behind the expected ones.
    Between,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    part: Part,
    shared: Setup,
    now: Option<Draft>,
    done: Vec<Scenario>,
    faults: Vec<Fault>,
}

/// A scenario that is being read.
struct Draft {
    name: String,
    span: Range<usize>,
    setup: Setup,
    stage: Stage,
    steps: Vec<Step>,
    lines: usize,
    expected: Vec<String>,
    /// The bytes that new expected lines replace.
    place: Option<Range<usize>>,
}

impl<'a> Reader<'a> {
    const fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            part: Part::Shared,
            shared: Setup {
                start: None,
                rules: Vec::new(),
                plants: Vec::new(),
                expected: Vec::new(),
            },
            now: None,
            done: Vec::new(),
            faults: Vec::new(),
        }
    }

    fn next_line(&mut self) -> Option<(&'a str, Range<usize>)> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let span = self.at..self.at + length;
        self.at = span.end;
        Some((rest[..length].trim_end(), span))
    }

    fn take(&mut self, line: &'a str, span: Range<usize>) -> Result<(), Fault> {
        let blank = line.trim().is_empty() || line.trim_start().starts_with('#');
        if let Some(name) = line.strip_prefix("==") {
            self.close();
            return self.begin(name.trim(), span);
        }
        match self.part {
            Part::Expected | Part::Between if blank => {
                self.part = Part::Between;
                Ok(())
            }
            Part::Between => Err((
                span,
                "expected lines stand together under `--`, without blanks or comments".to_owned(),
            )),
            Part::Expected => {
                if let Some(draft) = &mut self.now {
                    draft.expected.push(super::plain(line));
                    if let Some(place) = &mut draft.place {
                        place.end = span.end;
                    }
                }
                Ok(())
            }
            Part::Shared | Part::Input if blank => Ok(()),
            Part::Input if line == "--" => {
                self.part = Part::Expected;
                if let Some(draft) = &mut self.now {
                    draft.place = Some(span.end..span.end);
                }
                Ok(())
            }
            Part::Shared | Part::Input => self.input(line, &span),
        }
    }

    fn begin(&mut self, name: &str, span: Range<usize>) -> Result<(), Fault> {
        self.part = Part::Input;
        self.now = Some(Draft {
            name: name.to_owned(),
            span: span.clone(),
            setup: self.shared.clone(),
            stage: Stage {
                plants: self.shared.plants.clone(),
            },
            steps: Vec::new(),
            lines: 0,
            expected: Vec::new(),
            place: None,
        });
        if name.is_empty() {
            return Err((
                span,
                "a scenario needs a name: `== what must be true`".to_owned(),
            ));
        }
        Ok(())
    }

    fn input(&mut self, line: &'a str, span: &Range<usize>) -> Result<(), Fault> {
        let mut words = Words::of(line, span.start)?;
        let head = words.peek().map_or("", |word| word.text);
        let timed = !["rules", "rules:", "start", "gateway", "point", "expected"].contains(&head);
        if timed {
            self.timed(&mut words)?;
        } else {
            self.setup(&mut words)?;
        }
        words.done()
    }

    fn setup(&mut self, words: &mut Words<'a>) -> Result<(), Fault> {
        let first = words.need("a word")?;
        if self
            .now
            .as_ref()
            .is_some_and(|draft| !draft.steps.is_empty())
        {
            let what = format!("`{}` stands before the first timed line", first.text);
            return Err(first.fault(what));
        }
        let rules = match first.text {
            "rules" => vec![file(words)?],
            "rules:" => vec![self.block()],
            _ => Vec::new(),
        };
        let (setup, stage) = match &mut self.now {
            Some(draft) => (&mut draft.setup, Some(&mut draft.stage)),
            None => (&mut self.shared, None),
        };
        setup.rules.extend(rules);
        match first.text {
            "start" => {
                let (date, clock) = (words.need("the date")?, words.need("the time of day")?);
                let zone = words.take().map_or("+08:00", |word| word.text);
                let start = time::instant(date.text, clock.text, zone);
                let what = "a moment such as 2026-01-05 08:00 +08:00 is expected";
                setup.start = Some(start.ok_or_else(|| date.fault(what))?);
            }
            "gateway" => {
                let gateway = gateway(words)?;
                setup.plants.push(Plant {
                    gateway,
                    points: Vec::new(),
                });
            }
            "expected" => setup.expected.push(gateway(words)?),
            "point" => add_point(setup, words)?,
            _ => {}
        }
        if let Some(stage) = stage {
            stage.plants.clone_from(&setup.plants);
        }
        Ok(())
    }

    fn timed(&mut self, words: &mut Words<'a>) -> Result<(), Fault> {
        let word = words.need("the time")?;
        let Some(draft) = &mut self.now else {
            let what = "timed lines stand in a scenario, below its `== name`";
            return Err(word.fault(what));
        };
        let last = draft.steps.last().map_or(0, |step| step.at);
        let at = match word.text.strip_prefix('+') {
            Some(span) => time::span(span).map(|span| last + span),
            None => time::span(word.text),
        };
        let what = "a time such as 10s, 1h30m or +5s is expected, or one of: rules, start, \
                    gateway, point, expected";
        let at = at.ok_or_else(|| word.fault(what))?;
        if at > time::SPAN_MS_MAX {
            return Err(word.fault("a scenario lasts at most 60 days"));
        }
        if at < last {
            return Err(word.fault("time goes back: lines stand in the order of their times"));
        }
        draft.lines += 1;
        if draft.lines > LINES_MAX {
            return Err(word.fault(format!("more than {LINES_MAX} timed lines")));
        }
        let what = match words.peek().map(|word| word.text) {
            Some("reload") => {
                words.take();
                let mut rules = Vec::new();
                while words.peek().is_some() {
                    rules.push(file(words)?);
                }
                What::Reload(rules)
            }
            Some("reload:") => {
                words.take();
                What::Reload(vec![self.block()])
            }
            _ => draft.stage.what(words)?,
        };
        if let Some(draft) = &mut self.now {
            draft.steps.push(Step { at, what });
        }
        Ok(())
    }

    /// The indented lines that follow.
    fn block(&mut self) -> Rules {
        let begin = self.at;
        let mut end = begin;
        loop {
            let before = self.at;
            let Some((line, span)) = self.next_line() else {
                break;
            };
            if line.is_empty() {
                continue;
            }
            if !line.starts_with([' ', '\t']) {
                self.at = before;
                break;
            }
            end = span.end;
        }
        Rules::Inline(begin..end)
    }

    fn close(&mut self) {
        let Some(draft) = self.now.take() else {
            return;
        };
        let Some(place) = draft.place else {
            let what = "the line `--` is missing; below it stands what must come";
            self.faults.push((draft.span, what.to_owned()));
            return;
        };
        for plant in &draft.setup.plants {
            if let Err(error) = Catalog::new(plant.points.clone()) {
                self.faults.push((draft.span.clone(), error.to_string()));
            }
        }
        self.done.push(Scenario {
            name: draft.name,
            line: self.text[..draft.span.start].matches('\n').count() + 1,
            names: Names::of(&draft.setup, &draft.steps),
            setup: draft.setup,
            steps: draft.steps,
            expected: draft.expected,
            place,
        });
    }
}

fn file(words: &mut Words<'_>) -> Result<Rules, Fault> {
    let word = words.need("the rule file")?;
    Ok(Rules::File {
        path: word.quoted().unwrap_or(word.text).to_owned(),
        span: word.span,
    })
}

fn gateway(words: &mut Words<'_>) -> Result<GatewayKey, Fault> {
    let word = words.need("enterprise/gateway")?;
    word.text
        .parse()
        .map_err(|error: fenghuo_model::IdError| word.fault(error.to_string()))
}

fn add_point(setup: &mut Setup, words: &mut Words<'_>) -> Result<(), Fault> {
    let name = words.need("the point's name")?;
    words.put_back(name.clone());
    if setup.plants.is_empty() {
        let gateway = GATEWAY
            .parse()
            .map_err(|error: fenghuo_model::IdError| name.fault(error.to_string()))?;
        let points = Vec::new();
        setup.plants.push(Plant { gateway, points });
    }
    let def = value::point(words)?;
    let last = setup.plants.len() - 1;
    if setup.plants[last]
        .points
        .iter()
        .any(|point| point.key == def.key)
    {
        return Err(name.fault(format!("point `{}` is listed twice", def.key)));
    }
    let mut stage = Stage {
        plants: std::mem::take(&mut setup.plants),
    };
    let result = stage.define(last, def, &name);
    setup.plants = stage.plants;
    result
}
