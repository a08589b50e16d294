//! What a topic's payloads hold: JSON (the default), an array of JSON items, text or CSV.

use std::rc::Rc;

use super::super::origin::Origin;
use super::super::point::{Fill, Points};
use super::super::table::Table;
use super::point::point;
use crate::source::mqtt::mapping::Payload;
use crate::source::mqtt::mapping::csv::{Cell, Column, Csv};
use crate::source::mqtt::mapping::flag::Marks;
use crate::source::mqtt::mapping::json::{Field, Item, Items, Object};
use crate::source::mqtt::point::Point;
use crate::source::mqtt::time::{Pattern, TimeFormat};

/// The topic's payload with one instance of its points.
pub fn payload(
    table: &Table<'_>,
    points: &mut Points<'_>,
    fill: &Fill,
    origin: &Rc<Origin>,
) -> Option<Payload> {
    if !table.has("point") {
        table.missing("point");
    }
    let mut around = Around {
        points,
        fill,
        origin,
    };
    match table.text("payload").unwrap_or("json") {
        "json" if table.has("items") => items(table, &mut around),
        "json" => Some(object(table, &mut around)),
        "text" => Some(text(table, &mut around)),
        "csv" => csv(table, &mut around),
        other => {
            let what = format!("`{other}` is not one of json, text, csv");
            table.problem("payload", what);
            None
        }
    }
}

/// What the points of one instance have in common.
struct Around<'a, 'p> {
    points: &'a mut Points<'p>,
    fill: &'a Fill,
    origin: &'a Rc<Origin>,
}

impl Around<'_, '_> {
    /// Every point of the topic: what it is, and what `place` reads from its table.
    fn each<P>(
        &mut self,
        table: &Table<'_>,
        mut place: impl FnMut(&Table<'_>) -> Option<P>,
    ) -> Vec<(Point, P)> {
        let tables = table.tables("point");
        let found = tables.iter().filter_map(|table| {
            let place = place(table);
            let point = point(table, self.points, self.fill, self.origin);
            table.finish();
            Some((point?, place?))
        });
        found.collect()
    }
}

fn object(table: &Table<'_>, around: &mut Around<'_, '_>) -> Payload {
    let time = time(table, |time| pointer(time, "pointer"));
    let all = flag(table, |flag| pointer(flag, "pointer"));
    let fields = around.each(table, |table| {
        let at = pointer(table, "pointer");
        // A point's own mark goes before the topic's.
        let own = flag(table, |flag| pointer(flag, "pointer"));
        Some((at?, own.or_else(|| all.clone())))
    });
    let fields = fields.into_iter().map(|(point, (pointer, flag))| Field {
        point,
        pointer,
        flag,
    });
    Payload::Json(Object {
        time,
        fields: fields.collect(),
    })
}

fn items(table: &Table<'_>, around: &mut Around<'_, '_>) -> Option<Payload> {
    let (at, name) = (pointer(table, "items"), pointer(table, "name_pointer"));
    let value = pointer(table, "value_pointer");
    let time = time(table, |time| pointer(time, "pointer"));
    let flag = flag(table, |flag| pointer(flag, "pointer"));
    let fill = around.fill;
    let items = around.each(table, |table| {
        let name = table.needed_text("name")?;
        Some(fill.fill(table, "name", name))
    });
    let items = items
        .into_iter()
        .map(|(point, name)| Item { point, name })
        .collect();
    Some(Payload::Items(Items {
        at: at?,
        name: name?,
        value: value?,
        flag,
        time,
        items,
    }))
}

fn text(table: &Table<'_>, around: &mut Around<'_, '_>) -> Payload {
    let points = around.each(table, |_| Some(()));
    Payload::Text(points.into_iter().map(|(point, ())| point).collect())
}

fn csv(table: &Table<'_>, around: &mut Around<'_, '_>) -> Option<Payload> {
    let separator = separator(table);
    let has_header = table.truth("header").unwrap_or(false);
    let column = |table: &Table<'_>| column(table, has_header);
    let time = time(table, column);
    let flag = flag(table, column);
    let cells = around.each(table, column);
    let cells = cells
        .into_iter()
        .map(|(point, column)| Cell { point, column })
        .collect();
    Some(Payload::Csv(Csv {
        separator: separator?,
        has_header,
        time,
        flag,
        cells,
    }))
}

fn separator(table: &Table<'_>) -> Option<char> {
    let text = table.text("separator").unwrap_or(",");
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) if !matches!(letter, '"' | '\r' | '\n') => Some(letter),
        _ => {
            let what = format!("`{text}` is not one character such as , or ;");
            table.problem("separator", what);
            None
        }
    }
}

/// `column = 2`, counted from 1, or the name that the header has for it.
fn column(table: &Table<'_>, has_header: bool) -> Option<Column> {
    if let Some(name) = table.if_text("column") {
        if !has_header {
            table.problem("column", "is a name; that needs `header = true`");
        }
        return Some(Column::Named(name.to_owned()));
    }
    if !table.has("column") {
        table.missing("column");
    }
    let number = table.whole("column", 1..=1_000)?;
    Some(Column::At(usize::try_from(number).ok()? - 1))
}

/// Where the time stands, and how it is written.
fn time<P>(table: &Table<'_>, place: impl Fn(&Table<'_>) -> Option<P>) -> Option<(P, TimeFormat)> {
    let table = table.table("time")?;
    let at = place(&table);
    let format = table.needed_text("format").and_then(|text| {
        let offset = table.text("offset");
        if let Some(format) = TimeFormat::parse(text) {
            if offset.is_some() {
                table.problem("offset", "is for a pattern such as `%Y-%m-%d %H:%M:%S`");
            }
            return Some(format);
        }
        if !text.contains('%') {
            let what = format!(
                "`{text}` is not one of s, ms, us, ns, rfc3339, or a pattern such as \
                 `%Y-%m-%d %H:%M:%S`"
            );
            table.problem("format", what);
            return None;
        }
        let Some(offset) = offset else {
            table.problem(
                "offset",
                "is missing: a local time needs one, such as +08:00",
            );
            return None;
        };
        let pattern = Pattern::new(text, offset).map_err(|what| table.problem("format", what));
        pattern.ok().map(TimeFormat::Local)
    });
    table.finish();
    Some((at?, format?))
}

/// The mark beside a value, and which marks leave it good.
fn flag<P>(table: &Table<'_>, place: impl Fn(&Table<'_>) -> Option<P>) -> Option<(P, Marks)> {
    let table = table.table("quality")?;
    let at = place(&table);
    let (good, bad) = (table.words("good"), table.words("bad"));
    let marks = match (good.is_empty(), bad.is_empty()) {
        (false, true) => Some(Marks::Good(good)),
        (true, false) => Some(Marks::Bad(bad)),
        _ => {
            table.problem("good", "needs a list of marks, or `bad` does, and not both");
            None
        }
    };
    table.finish();
    Some((at?, marks?))
}

fn pointer(table: &Table<'_>, key: &'static str) -> Option<String> {
    let text = table.needed_text(key)?;
    if !text.is_empty() && !text.starts_with('/') {
        table.problem(
            key,
            format!("`{text}` is not a JSON pointer such as /values/lel"),
        );
        return None;
    }
    Some(text.to_owned())
}
