//! `[[enterprise]]`: the register.

use std::sync::Arc;

use fenghuo_model::{EnterpriseId, Title};

use super::{check_id, read_title};
use crate::rule::RuleSet;
use crate::rule::register::{
    CONTACTS_MAX, Contact, ENTERPRISES_MAX, Enterprise, PLANTS_MAX, TEXT_BYTES_MAX,
};
use crate::rule::table::{File, Table};

pub fn read_all(file: &mut File<'_>, root: &mut Table<'_, '_>, set: &mut RuleSet) {
    for table in root.tables(file, "enterprise") {
        let span = table.span();
        if set.register.len() >= ENTERPRISES_MAX {
            file.fault(span, format!("more than {ENTERPRISES_MAX} enterprises"));
            return;
        }
        let Some(enterprise) = read(file, table) else {
            continue;
        };
        if set.register.contains_key(&enterprise.id) {
            file.fault(span, format!("enterprise `{}` stands twice", enterprise.id));
            continue;
        }
        set.register.insert(enterprise.id.clone(), enterprise);
    }
}

fn read(file: &mut File<'_>, mut table: Table<'_, '_>) -> Option<Enterprise> {
    let id = read_id(file, &mut table);
    let name = read_name(file, &mut table, "name");
    let township = read_name(file, &mut table, "township");
    let industry = table
        .need_text(file, "industry")
        .and_then(|(industry, span)| check_id(file, industry, span));
    let plants = read_plants(file, &mut table);
    let area = bounded(file, &mut table, "area");
    let contacts = read_contacts(file, &mut table);
    table.done(file);
    Some(Enterprise {
        id: id?,
        name: name?,
        township: township?,
        industry: industry?.into(),
        plants,
        area,
        contacts,
    })
}

fn read_id(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Option<EnterpriseId> {
    let (text, span) = table.need_text(file, "id")?;
    match EnterpriseId::new(&text) {
        Ok(id) => Some(id),
        Err(error) => {
            file.fault(span, error.to_string());
            None
        }
    }
}

/// `{ zh, en }`, or one text for both.
fn read_name(file: &mut File<'_>, table: &mut Table<'_, '_>, key: &'static str) -> Option<Title> {
    let value = table.need(file, key)?;
    let title = if value.get_ref().as_str().is_some() {
        let text = bounded(file, table, key)?;
        Title {
            zh: text.clone(),
            en: text,
        }
    } else {
        table
            .table(file, key)
            .map(|title| read_title(file, title))?
    };
    if [&title.zh, &title.en]
        .iter()
        .any(|it| it.len() > TEXT_BYTES_MAX)
    {
        file.fault(value.span(), too_long(key));
    }
    Some(title)
}

fn read_plants(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Vec<Arc<str>> {
    let mut plants: Vec<Arc<str>> = Vec::new();
    for (plant, span) in table.texts(file, "plants") {
        if plants.len() >= PLANTS_MAX {
            file.fault(span, format!("more than {PLANTS_MAX} plants"));
            break;
        }
        let Some(plant) = check_id(file, plant, span.clone()) else {
            continue;
        };
        if plants.iter().any(|known| **known == *plant) {
            file.fault(span, format!("plant `{plant}` stands twice"));
            continue;
        }
        plants.push(plant.into());
    }
    plants
}

fn read_contacts(file: &mut File<'_>, table: &mut Table<'_, '_>) -> Vec<Contact> {
    let mut contacts = Vec::new();
    for mut table in table.tables(file, "contacts") {
        if contacts.len() >= CONTACTS_MAX {
            file.fault(table.span(), format!("more than {CONTACTS_MAX} contacts"));
            break;
        }
        for key in ["name", "phone"] {
            table.need(file, key);
        }
        let name = bounded(file, &mut table, "name");
        let phone = bounded(file, &mut table, "phone");
        let role = bounded(file, &mut table, "role").unwrap_or_default();
        table.done(file);
        if let (Some(name), Some(phone)) = (name, phone) {
            contacts.push(Contact { name, phone, role });
        }
    }
    contacts
}

fn bounded(file: &mut File<'_>, table: &mut Table<'_, '_>, key: &'static str) -> Option<String> {
    let (text, span) = table.text(file, key)?;
    if text.len() > TEXT_BYTES_MAX {
        file.fault(span, too_long(key));
        return None;
    }
    Some(text)
}

fn too_long(key: &str) -> String {
    format!("`{key}` has more than {TEXT_BYTES_MAX} bytes")
}
