//! A step that moves free-text telephone numbers into a table of their own.
//!
//! It reads `customers (id, country, phone)`, where `phone` is whatever people typed over the years, and fills
//! `customer_phones` with a row for each number: in E.164 where it can be understood, as typed and with a note where it
//! cannot. Nothing is dropped, and `customers` stays as it is.
//!
//! [`typed`] takes one field apart, [`number`] makes sense of one number, [`countries`] is what it knows about countries.

pub mod countries;
pub mod number;
pub mod typed;

use rehearsal_guest::{Database, Description, Operations, Outcome, Result, Step, params};

use crate::{number::Number, typed::is_blank};

/// How many violations of one kind are listed.
const VIOLATIONS_MAX: usize = 20;

const TABLE: &str = "CREATE TABLE customer_phones (
  customer_id INTEGER NOT NULL REFERENCES customers (id),
  position INTEGER NOT NULL,
  e164 TEXT,
  raw TEXT NOT NULL,
  extension TEXT,
  note TEXT,
  PRIMARY KEY (customer_id, position)
)";

const INSERT: &str = "INSERT INTO customer_phones (customer_id, position, e164, raw, extension, note)
  VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// The step.
pub struct PhoneNumbers;

impl Step for PhoneNumbers {
    fn describe() -> Description {
        Description::new("phone-numbers", "Moves what people typed into customers.phone to a table of E.164 numbers.")
    }

    fn operations() -> Operations {
        Operations::none().with_verify().with_revert()
    }

    fn apply(db: &Database) -> Result<Outcome> {
        db.execute(TABLE, params![])?;
        let (mut customers, mut understood, mut kept) = (0_u64, 0_u64, 0_u64);
        let typed = db.query("SELECT id, country, phone FROM customers WHERE phone IS NOT NULL ORDER BY id", params![])?;
        for row in typed {
            let (id, country, phone): (i64, Option<String>, String) = row?.read()?;
            let numbers = typed::numbers(&phone, country.as_deref());
            for (position, number) in (1_i64..).zip(&numbers) {
                insert(db, id, position, number)?;
                *(if number.e164.is_some() { &mut understood } else { &mut kept }) += 1;
            }
            customers += u64::from(!numbers.is_empty());
        }
        Ok(Outcome::Changed(format!("{customers} customers: {understood} numbers in E.164, {kept} kept as typed")))
    }

    fn verify(db: &Database) -> Result<Vec<String>> {
        let mut violations = Vec::new();
        let forgotten = db.query(
            "SELECT id, phone FROM customers AS c
             WHERE phone IS NOT NULL AND NOT EXISTS (SELECT 1 FROM customer_phones WHERE customer_id = c.id)
             ORDER BY id",
            params![],
        )?;
        for row in forgotten {
            let (id, phone): (i64, String) = row?.read()?;
            if !is_blank(&phone) && violations.len() < VIOLATIONS_MAX {
                violations.push(format!("customer {id} has a phone and no row in customer_phones"));
            }
        }
        for (complaint, condition) in [
            ("is not in E.164", "e164 NOT GLOB '+[1-9]*' OR substr(e164, 2) GLOB '*[^0-9]*' OR length(e164) NOT BETWEEN 9 AND 16"),
            ("has neither a number nor a note", "e164 IS NULL AND note IS NULL"),
            (
                "has a position that does not follow on",
                "position <> (SELECT count(*) FROM customer_phones AS o WHERE o.customer_id = p.customer_id AND o.position <= p.position)",
            ),
        ] {
            let sql = format!(
                "SELECT customer_id, position, e164 FROM customer_phones AS p WHERE {condition}
                 ORDER BY customer_id, position LIMIT {VIOLATIONS_MAX}"
            );
            for row in db.query(&sql, params![])? {
                violations.push(format!("row {} {complaint}", row?));
            }
        }
        Ok(violations)
    }

    fn revert(db: &Database) -> Result<Outcome> {
        db.execute("DROP TABLE customer_phones", params![])?;
        Ok(Outcome::Changed("dropped customer_phones; customers.phone was never touched".to_owned()))
    }
}

fn insert(db: &Database, customer: i64, position: i64, number: &Number) -> Result<()> {
    let Number { e164, raw, extension, note } = number;
    db.execute(INSERT, params![customer, position, e164.as_deref(), raw, extension.as_deref(), note.as_deref()])?;
    Ok(())
}

rehearsal_guest::export_step!(PhoneNumbers);
