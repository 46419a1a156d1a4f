//! What the databases hold: objects, rows, and what history tables list as applied.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;

use crate::bench::{Bench, BenchError};
use crate::record::Schema;

/// How many databases are asked at once.
const AT_ONCE: usize = 4;

/// The tables in which well-known tools keep what they applied, each with the column that names it.
const HISTORIES: &[(&str, &str)] = &[
    ("schema_history", "version"),          // refinery, under a name of its user
    ("refinery_schema_history", "version"), // refinery
    ("flyway_schema_history", "version"),
    ("databasechangelog", "id"),        // Liquibase
    ("schema_migrations", "version"),   // golang-migrate, Rails, dbmate
    ("goose_db_version", "version_id"), // goose
    ("atlas_schema_revisions", "version"),
    ("_sqlx_migrations", "version"),
    ("__diesel_schema_migrations", "version"),
    ("alembic_version", "version_num"),
    ("django_migrations", "name"),
    ("knex_migrations", "name"),
    ("_prisma_migrations", "migration_name"),
    ("migrations", "name"), // TypeORM, Laravel's is `migration`
];

/// One answer of all that is asked, so that a database is asked once.
#[derive(Deserialize)]
struct Line {
    kind: String,
    name: String,
    value: Option<String>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

impl Bench {
    /// What these databases hold, as far as they are there; or all.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub(crate) async fn schemas(&self, databases: &[String]) -> Result<Vec<Schema>, BenchError> {
        let server = self.database()?;
        let unanswered = |source| self.unanswered(source);
        let all = "select datname as name from pg_database where datallowconn and not datistemplate order by 1";
        let all: Vec<Name> = server.rows(all).await.map_err(unanswered)?;
        let is_wanted = |name: &String| databases.is_empty() || databases.contains(name);
        let names: Vec<String> = all.into_iter().map(|one| one.name).filter(is_wanted).collect();
        let query = query();
        let asked = names.into_iter().map(async |name| {
            let lines: Vec<Line> = server.rows_of(&name, &query).await.map_err(unanswered)?;
            let mut schema = schema(name, lines);
            let of_an_application = |role: &String| self.installation.credentials.iter().any(|one| one.role == *role);
            schema.creators.values_mut().for_each(|roles| roles.retain(of_an_application));
            Ok::<_, BenchError>(schema)
        });
        stream::iter(asked).buffered(AT_ONCE).try_collect().await
    }
}

fn schema(database: String, lines: Vec<Line>) -> Schema {
    let mut schema = Schema { database, ..Schema::default() };
    let add = |to: &mut BTreeMap<String, Vec<String>>, name: String, value: String| {
        to.entry(name).or_default().push(value);
    };
    for Line { kind, name, value } in lines {
        let value = value.unwrap_or_default();
        match kind.as_str() {
            "object" => schema.objects.push(name),
            "rows" => drop(schema.rows.insert(name, value.parse().unwrap_or_default())),
            "applied" => add(&mut schema.applied, name, value),
            _ => add(&mut schema.creators, name, value),
        }
    }
    schema
}

/// Everything about a database at once. What PostgreSQL brings, and what an extension brings, is left out.
fn query() -> String {
    let histories: Vec<String> = HISTORIES.iter().map(|(table, column)| format!("('{table}', '{column}')")).collect();
    let histories = histories.join(", ");
    format!(
        "with own as (
           select n.oid as schema, n.nspname, c.oid, c.relname, c.relkind from pg_class c
           join pg_namespace n on n.oid = c.relnamespace
           where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relkind in ('r', 'p', 'v', 'm', 'S', 'i', 'I')
             and not exists (select from pg_depend d where d.objid = c.oid and d.deptype = 'e')
         ), tables as (select * from own where relkind in ('r', 'p')),
         histories as (
           select t.*, h.versions from tables t join (values {histories}) h (name, versions) on h.name = t.relname
           where exists (select from pg_attribute a where a.attrelid = t.oid and a.attname = h.versions and not a.attisdropped)
         )
         select 'object' as kind, format('%s %I.%I', case relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view'
           when 'm' then 'materialized view' when 'S' then 'sequence' else 'index' end, nspname, relname) as name, null as value from own
         union all
         select 'object', format('column %I.%I.%I %s%s', nspname, relname, attname, format_type(atttypid, atttypmod),
           case when attnotnull then ' not null' else '' end), null
           from tables join pg_attribute on attrelid = oid and attnum > 0 and not attisdropped
         union all
         select 'object', format('constraint %I.%I.%I', nspname, relname, conname), null from tables join pg_constraint on conrelid = tables.oid
         union all
         select 'rows', format('%I.%I', nspname, relname),
           (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %I.%I', nspname, relname), false, true, '')))[1]::text
           from tables
         union all
         select 'applied', format('%I.%I', nspname, relname), unnest(xpath('/table/row/v/text()',
           query_to_xml(format('select %I::text as v from %I.%I', versions, nspname, relname), false, false, '')))::text from histories
         union all
         select 'creator', nspname, rolname from (select distinct schema, nspname from tables) s, pg_roles r
           where r.rolcanlogin and not r.rolsuper and has_schema_privilege(r.oid, s.schema, 'CREATE')
         order by 1, 2, 3"
    )
}

#[cfg(test)]
mod tests {
    use super::{HISTORIES, Line, schema};

    #[test]
    fn answers_are_sorted_into_a_schema() {
        let line = |kind: &str, name: &str, value: Option<&str>| Line {
            kind: kind.into(),
            name: name.into(),
            value: value.map(str::to_owned),
        };
        let schema = schema(
            "graph".into(),
            vec![
                line("applied", "app.schema_history", Some("1")),
                line("applied", "app.schema_history", Some("1")),
                line("creator", "app", Some("graph_owner")),
                line("object", "table app.items", None),
                line("rows", "app.items", Some("3")),
            ],
        );
        assert_eq!(schema.objects, ["table app.items"]);
        assert_eq!((schema.rows["app.items"], &*schema.creators["app"]), (3, &["graph_owner".to_owned()][..]));
        assert_eq!(schema.repeated().collect::<Vec<_>>(), ["app.schema_history"]);
    }

    #[test]
    fn no_history_table_is_listed_twice() {
        let names: std::collections::BTreeSet<_> = HISTORIES.iter().map(|(table, _)| table).collect();
        assert_eq!(names.len(), HISTORIES.len());
    }
}
