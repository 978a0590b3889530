//! Virtual tables of a dump, whose rows the dump has in the form in which their module keeps them.

use rehearsal_packet::record::ErrorClass;
use rusqlite::config::DbConfig;

use super::{
    refusal::SqlRefusal,
    session::Session,
    statement::{Prepared, SqlValue, Statement},
};

impl Session {
    /// Writes a virtual table into the schema without having its module make it: the tables in which the module keeps its content are
    /// still to come, as ordinary tables. The connection itself does not know of it; the next one does. `sql` must create a virtual
    /// table of that name, of a module that the gate allows: modules may not write the schema, and nor may dumps otherwise.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn adopt_virtual_table(&self, name: &str, sql: &str) -> Result<(), SqlRefusal> {
        // Prepared and not run: the parser and the gate have seen it whole.
        self.recorded(|| {
            let created = match Statement::prepare(&self.connection, sql)? {
                Prepared::Statement(_, used) if sql[used..].trim_ascii().is_empty() => self.connection.gate().take_virtual_table(),
                _ => None,
            };
            if created.as_deref() == Some(name) {
                return Ok(());
            }
            let message = format!("the row of the schema says that {name:?} is created, and its SQL creates something else");
            Err(SqlRefusal::by_host(ErrorClass::NotAuthorized, message))
        })?;
        let written = self.set_schema_writable(true).and_then(|()| self.write_schema_row(name, sql));
        self.set_schema_writable(false).and(written)
    }

    fn write_schema_row(&self, name: &str, sql: &str) -> Result<(), SqlRefusal> {
        let insert = "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES ('table', ?1, ?1, 0, ?2)";
        if let Prepared::Statement(mut statement, _) = Statement::prepare(&self.connection, insert)? {
            for (index, value) in [(1, name), (2, sql)] {
                statement.bind(index, &SqlValue::Text(value.to_owned()))?;
            }
            while statement.step()? {}
        }
        Ok(())
    }

    fn set_schema_writable(&self, writable: bool) -> Result<(), SqlRefusal> {
        let settings = [(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, !writable), (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, writable)];
        settings.into_iter().try_for_each(|(setting, value)| {
            let set = self.connection.set_db_config(setting, value);
            set.map(drop).map_err(|error| SqlRefusal::by_host(ErrorClass::Other, error.to_string()))
        })
    }
}
