//! `[pack]` and `[[target]]`: what a pack is called, and what must be measured.

use super::{check_id, read_select, read_title, source};
use crate::rule::RuleSet;
use crate::rule::table::{File, Table};
use crate::rule::target::{PACKS_MAX, Pack, TARGETS_MAX, Target};

/// Most points that one target may ask for.
const AT_LEAST_MAX: u64 = 10_000;

pub fn read_pack(file: &mut File<'_>, root: &mut Table<'_, '_>, set: &mut RuleSet) {
    let Some(mut table) = root.table(file, "pack") else {
        return;
    };
    let span = table.span();
    let id = table
        .need_text(file, "id")
        .and_then(|(id, span)| check_id(file, id, span));
    let title = table
        .need(file, "title")
        .is_some()
        .then(|| table.table(file, "title"))
        .flatten();
    let title = title.map(|title| read_title(file, title));
    table.done(file);
    let (Some(id), Some(title)) = (id, title) else {
        return;
    };
    if set.packs.iter().any(|pack| *pack.id == *id) {
        file.fault(span, format!("pack `{id}` stands twice"));
    } else if set.packs.len() >= PACKS_MAX {
        file.fault(span, format!("more than {PACKS_MAX} packs"));
    } else {
        let id = id.into();
        set.packs.push(Pack { id, title });
    }
}

pub fn read_all(file: &mut File<'_>, root: &mut Table<'_, '_>, set: &mut RuleSet) {
    for table in root.tables(file, "target") {
        let span = table.span();
        if set.targets.len() >= TARGETS_MAX {
            file.fault(span, format!("more than {TARGETS_MAX} targets"));
            return;
        }
        let Some(target) = read(file, table) else {
            continue;
        };
        if set.targets.iter().any(|known| known.id == target.id) {
            file.fault(span, format!("target `{}` stands twice", target.id));
            continue;
        }
        set.targets.push(target);
    }
}

fn read(file: &mut File<'_>, mut table: Table<'_, '_>) -> Option<Target> {
    let mut word = |file: &mut File<'_>, key| {
        table
            .need_text(file, key)
            .and_then(|(id, span)| check_id(file, id, span))
    };
    let id = word(file, "id");
    let plant = word(file, "plant");
    let title = table.need(file, "title").is_some();
    let title = title.then(|| table.table(file, "title")).flatten();
    let title = title.map(|title| read_title(file, title));
    let select = table.need(file, "select").is_some();
    let select = select
        .then(|| read_select(file, &mut table, "select"))
        .flatten();
    let at_least = table.whole(file, "at_least", 1..=AT_LEAST_MAX).unwrap_or(1);
    let each = table.text(file, "each").map(|(label, _)| label.into());
    let seed = table.texts(file, "seed");
    let source = table
        .table(file, "source")
        .and_then(|source| source::read(file, source));
    table.done(file);
    Some(Target {
        id: id?.into(),
        plant: plant?.into(),
        title: title?,
        select: select?,
        at_least: u32::try_from(at_least).ok()?,
        each,
        seed: seed.into_iter().map(|(seed, _)| seed.into()).collect(),
        source,
    })
}
