package sql

import (
	"database/sql/driver"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Numbers (oid) of schemas and of parts of tables.
const (
	oidCatalog = 11   // pg_catalog
	oidPublic  = 2200 // public
	oidSchema  = 13000
	oidOwner   = 10
	oidHeap    = 2
	oidBTree   = 403
	oidIndexes = 10000 // beyond that of the table
)

// classOfTables is the number of pg_class, which descriptions of tables and columns name.
const classOfTables = 1259

// catalogShape returns the shape of a table of a catalog. The columns are "name type, name type": o oid, n name, t text, b boolean, c "char", i integer, s smallint, l bigint, f float, v int2vector.
func catalogShape(oid uint32, schema, name, columns string) *shape {
	letters := map[string]*kind{
		"o": kindOID, "n": kindName, "t": kindText, "b": kindBool, "c": kindChar, "i": kindInt4, "s": kindInt2, "l": kindInt, "f": kindFloat, "v": kindVector, "x": kindString,
	}
	s := &shape{oid: oid, schema: schema, name: name}
	for field := range strings.SplitSeq(columns, ",") {
		name, letter, _ := strings.Cut(strings.TrimSpace(field), " ")
		s.columns = append(s.columns, column{name: name, kind: letters[letter]})
	}
	if s.columns[0].name == "oid" {
		s.key = []int{0}
	}
	return s.seal()
}

func pg(oid uint32, name, columns string) *shape {
	return catalogShape(oid, "pg_catalog", name, columns)
}

// The tables of the catalog that have rows. Those that begin with an underscore at the end are ours.
var (
	classShape = pg(classOfTables, "pg_class", `oid o, relname n, relnamespace o, reltype o, reloftype o, relowner o, relam o, relfilenode o, reltablespace o, relpages i, reltuples f, relallvisible i,
		reltoastrelid o, relhasindex b, relisshared b, relpersistence c, relkind c, relnatts s, relchecks s, relhasrules b, relhastriggers b, relhassubclass b, relrowsecurity b, relforcerowsecurity b,
		relispopulated b, relreplident c, relispartition b, relrewrite o, relhasoids b, relacl t, reloptions t, relpartbound t`)
	attributeShape = pg(1249, "pg_attribute", `attrelid o, attname n, atttypid o, attstattarget i, attlen s, attnum s, attndims i, attcacheoff i, atttypmod i, attbyval b, attalign c, attstorage c,
		attcompression c, attnotnull b, atthasdef b, atthasmissing b, attidentity c, attgenerated c, attisdropped b, attislocal b, attinhcount i, attcollation o, attacl t, attoptions t, attfdwoptions t`)
	typeShape = pg(1247, "pg_type", `oid o, typname n, typnamespace o, typowner o, typlen s, typbyval b, typtype c, typcategory c, typispreferred b, typisdefined b, typdelim c, typrelid o, typelem o,
		typarray o, typinput t, typoutput t, typreceive t, typsend t, typnotnull b, typbasetype o, typtypmod i, typndims i, typcollation o, typdefault t, typacl t`)
	namespaceShape = pg(2615, "pg_namespace", "oid o, nspname n, nspowner o, nspacl t")
	descriptionOf  = pg(2609, "pg_description", "objoid o, classoid o, objsubid i, description t")
	indexShape     = pg(2610, "pg_index", `indexrelid o, indrelid o, indnatts s, indnkeyatts s, indisunique b, indisprimary b, indisexclusion b, indimmediate b, indisclustered b, indisvalid b, indcheckxmin b,
		indisready b, indislive b, indisreplident b, indkey v, indcollation t, indclass t, indoption t, indexprs t, indpred t, indnullsnotdistinct b, indexdef_ t`)
	constraintShape = pg(2606, "pg_constraint", `oid o, conname n, connamespace o, contype c, condeferrable b, condeferred b, convalidated b, conrelid o, contypid o, conindid o, conparentid o, confrelid o,
		confupdtype c, confdeltype c, confmatchtype c, conislocal b, coninhcount i, connoinherit b, conkey t, confkey t, conpfeqop t, conppeqop t, conffeqop t, conexclop t, conbin t, condef_ t`)
	databaseShape = pg(1262, "pg_database", `oid o, datname n, datdba o, encoding i, datlocprovider c, datistemplate b, datallowconn b, datconnlimit i, dattablespace o, datcollate n, datctype n, daticulocale t,
		daticurules t, datcollversion t, datacl t`)
	rolesShape = pg(13010, "pg_roles", `oid o, rolname n, rolsuper b, rolinherit b, rolcreaterole b, rolcreatedb b, rolcanlogin b, rolreplication b, rolconnlimit i, rolpassword t, rolvaliduntil t, rolbypassrls b,
		rolconfig t`)
	userShape     = pg(13011, "pg_user", "usename n, usesysid o, usecreatedb b, usesuper b, userepl b, usebypassrls b, passwd t, valuntil t, useconfig t")
	accessShape   = pg(2601, "pg_am", "oid o, amname n, amhandler t, amtype c")
	settingsShape = pg(13012, "pg_settings", "name t, setting t, unit t, category t, short_desc t, context t, vartype t, source t")
	tablesShape   = pg(13013, "pg_tables", "schemaname n, tablename n, tableowner n, tablespace n, hasindexes b, hasrules b, hastriggers b, rowsecurity b")
	indexesShape  = pg(13014, "pg_indexes", "schemaname n, tablename n, indexname n, tablespace n, indexdef t")
	procShape     = pg(1255, "pg_proc", `oid o, proname n, pronamespace o, proowner o, prolang o, procost f, prorows f, provariadic o, prosupport t, prokind c, prosecdef b, proleakproof b, proisstrict b, proretset b,
		provolatile c, proparallel c, pronargs s, pronargdefaults s, prorettype o, proargtypes v, proallargtypes t, proargmodes t, proargnames t, prosrc t, probin t, proconfig t, proacl t`)
	languageShape   = pg(2612, "pg_language", "oid o, lanname n, lanowner o, lanispl b, lanpltrusted b, lanplcallfoid o, laninline o, lanvalidator o, lanacl t")
	tablespaceShape = pg(1213, "pg_tablespace", "oid o, spcname n, spcowner o, spcacl t, spcoptions t")
)

// emptyShapes are tables of the catalog that clients look into, and that have no rows here.
var emptyShapes = []*shape{
	pg(2604, "pg_attrdef", "oid o, adrelid o, adnum s, adbin t, adsrc t"), pg(2611, "pg_inherits", "inhrelid o, inhparent o, inhseqno i, inhdetachpending b"),
	pg(2620, "pg_trigger", "oid o, tgrelid o, tgparentid o, tgname n, tgfoid o, tgtype s, tgenabled c, tgisinternal b, tgconstrrelid o, tgconstrindid o, tgconstraint o, tgdeferrable b, tginitdeferred b, tgnargs s, tgargs t"),
	pg(3256, "pg_policy", "oid o, polname n, polrelid o, polcmd c, polpermissive b, polroles t, polqual t, polwithcheck t"), pg(2618, "pg_rewrite", "oid o, rulename n, ev_class o, ev_type c, ev_enabled c, is_instead b"),
	pg(3381, "pg_statistic_ext", "oid o, stxrelid o, stxname n, stxnamespace o, stxowner o, stxstattarget i, stxkeys v, stxkind t"), pg(6104, "pg_publication", "oid o, pubname n, pubowner o, puballtables b, pubinsert b, pubupdate b, pubdelete b"),
	pg(6106, "pg_publication_rel", "oid o, prpubid o, prrelid o, prqual t, prattrs v"), pg(6237, "pg_publication_namespace", "oid o, pnpubid o, pnnspid o"), pg(3456, "pg_collation", "oid o, collname n, collnamespace o, collowner o, collprovider c"),
	pg(3118, "pg_foreign_table", "ftrelid o, ftserver o, ftoptions t"), pg(1417, "pg_foreign_server", "oid o, srvname n, srvowner o, srvfdw o, srvoptions t"), pg(3350, "pg_partitioned_table", "partrelid o, partstrat c, partnatts s, partdefid o"),
	pg(2224, "pg_sequence", "seqrelid o, seqtypid o, seqstart l, seqincrement l, seqmax l, seqmin l, seqcache l, seqcycle b"), pg(3079, "pg_extension", "oid o, extname n, extowner o, extnamespace o, extrelocatable b, extversion t"),
	pg(3501, "pg_enum", "oid o, enumtypid o, enumsortorder f, enumlabel n"), pg(3541, "pg_range", "rngtypid o, rngsubtype o"), pg(1261, "pg_auth_members", "oid o, roleid o, member o, grantor o, admin_option b"),
	pg(2396, "pg_shdescription", "objoid o, classoid o, description t"), pg(2617, "pg_operator", "oid o, oprname n, oprnamespace o, oprleft o, oprright o, oprresult o"), pg(2600, "pg_aggregate", "aggfnoid o, aggkind c"),
	pg(2616, "pg_opclass", "oid o, opcmethod o, opcname n, opcnamespace o, opcdefault b, opckeytype o"), pg(2753, "pg_opfamily", "oid o, opfmethod o, opfname n, opfnamespace o"), pg(2608, "pg_depend", "classid o, objid o, objsubid i, refclassid o, refobjid o, refobjsubid i, deptype c"),
	pg(13020, "pg_views", "schemaname n, viewname n, viewowner n, definition t"), pg(13021, "pg_matviews", "schemaname n, matviewname n, matviewowner n"), pg(13022, "pg_locks", "locktype t, relation o, pid i, mode t, granted b"),
	pg(13023, "pg_stat_activity", "datid o, datname n, pid i, usename n, application_name t, state t, query t"), pg(3602, "pg_ts_config", "oid o, cfgname n, cfgnamespace o"), pg(2964, "pg_db_role_setting", "setdatabase o, setrole o, setconfig t"),
}

// information returns the shape of a table of the schema information_schema.
func information(oid uint32, name, columns string) *shape {
	return catalogShape(oid, "information_schema", name, columns)
}

var (
	infoTables  = information(13101, "tables", "table_catalog t, table_schema t, table_name t, table_type t, self_referencing_column_name t, reference_generation t, is_insertable_into t, is_typed t, commit_action t")
	infoColumns = information(13102, "columns", `table_catalog t, table_schema t, table_name t, column_name t, ordinal_position i, column_default t, is_nullable t, data_type t, character_maximum_length i,
		character_octet_length i, numeric_precision i, numeric_precision_radix i, numeric_scale i, datetime_precision i, collation_name t, domain_name t, udt_catalog t, udt_schema t, udt_name t, is_identity t,
		is_generated t, is_updatable t`)
	infoSchemata = information(13103, "schemata", "catalog_name t, schema_name t, schema_owner t, default_character_set_name t")
	infoKeys     = information(13104, "key_column_usage", `constraint_catalog t, constraint_schema t, constraint_name t, table_catalog t, table_schema t, table_name t, column_name t, ordinal_position i,
		position_in_unique_constraint i`)
	infoConstraints = information(13105, "table_constraints", `constraint_catalog t, constraint_schema t, constraint_name t, table_catalog t, table_schema t, table_name t, constraint_type t, is_deferrable t,
		initially_deferred t, enforced t`)
	infoEmpty = []*shape{
		information(13106, "views", "table_catalog t, table_schema t, table_name t, view_definition t, check_option t, is_updatable t"),
		information(13107, "routines", "routine_catalog t, routine_schema t, routine_name t, routine_type t, data_type t"),
		information(13108, "referential_constraints", "constraint_catalog t, constraint_schema t, constraint_name t, unique_constraint_catalog t, unique_constraint_schema t, unique_constraint_name t, update_rule t, delete_rule t"),
		information(13109, "sequences", "sequence_catalog t, sequence_schema t, sequence_name t, data_type t"),
	}
)

// addCatalog adds the tables that tell of the others. Their rows are made when a client asks.
func addCatalog(s *snapshot) {
	for _, shape := range append(slices.Clone(emptyShapes), infoEmpty...) {
		s.add(newRelation(shape, constantly(nil)))
	}
	for _, filled := range []struct {
		shape *shape
		rows  func(s *snapshot) [][]driver.Value
	}{
		{classShape, (*snapshot).classRows}, {attributeShape, (*snapshot).attributeRows}, {typeShape, typeRows}, {namespaceShape, namespaceRows}, {descriptionOf, (*snapshot).descriptionRows},
		{indexShape, (*snapshot).indexRows}, {constraintShape, (*snapshot).constraintRows}, {databaseShape, databaseRows}, {rolesShape, rolesRows}, {userShape, userRows}, {accessShape, accessRows},
		{settingsShape, settingsRows}, {tablesShape, (*snapshot).tablesRows}, {indexesShape, (*snapshot).indexesRows}, {procShape, procRows}, {languageShape, languageRows}, {tablespaceShape, tablespaceRows},
		{infoTables, (*snapshot).infoTableRows}, {infoColumns, (*snapshot).infoColumnRows}, {infoSchemata, infoSchemaRows}, {infoKeys, (*snapshot).infoKeyRows}, {infoConstraints, (*snapshot).infoConstraintRows},
	} {
		s.add(newRelation(filled.shape, func() ([][]driver.Value, error) { return filled.rows(s), nil }))
	}
}

// record is a row of a catalog by the names of its columns; what is not named is NULL, or what stands for nothing in the type.
type record map[string]driver.Value

// row returns a record as a row.
func (s *shape) row(r record) []driver.Value {
	row := make([]driver.Value, len(s.columns))
	for i, c := range s.columns {
		value, ok := r[c.name]
		switch v := value.(type) {
		case bool:
			value = truth(v)
		case int:
			value = int64(v)
		case uint32:
			value = int64(v)
		case int16:
			value = int64(v)
		}
		if !ok {
			switch c.kind {
			case kindBool, kindInt4, kindInt2, kindOID, kindFloat:
				value = int64(0)
			case kindChar:
				value = ""
			}
		}
		row[i] = value
	}
	return row
}

// namespaceOf returns the number of a schema.
func namespaceOf(schema string) int64 {
	switch schema {
	case "pg_catalog":
		return oidCatalog
	case schemaMain:
		return oidPublic
	}
	return oidSchema
}

// listed are the relations that clients see as tables.
func (s *snapshot) listed() []*relation {
	return slices.DeleteFunc(slices.Clone(s.order), func(r *relation) bool { return r.function })
}

// keyed are those that have a primary key and are for clients.
func (s *snapshot) keyed() []*relation {
	return slices.DeleteFunc(s.listed(), func(r *relation) bool { return r.schema != schemaMain || len(r.key) == 0 })
}

// indexName returns the name of the primary key of a table.
func (s *shape) indexName() string { return s.name + "_pkey" }

// keyNames returns the columns of the primary key.
func (s *shape) keyNames() []string {
	names := make([]string, len(s.key))
	for i, c := range s.key {
		names[i] = s.columns[c].name
	}
	return names
}

// indexDefinition returns the statement that would make the index of the primary key.
func (s *shape) indexDefinition() string {
	return fmt.Sprintf("CREATE UNIQUE INDEX %s ON %s.%s USING btree (%s)", quotedIdent(s.indexName()), s.schema, quotedIdent(s.name), strings.Join(s.keyNames(), ", "))
}

func (s *snapshot) classRows() (rows [][]driver.Value) {
	for _, r := range s.listed() {
		rows = append(rows, classShape.row(record{
			"oid": r.oid, "relname": r.name, "relnamespace": namespaceOf(r.schema), "relowner": oidOwner, "relam": oidHeap, "reltuples": -1, "relhasindex": r.schema == schemaMain && len(r.key) > 0, "relpersistence": "p",
			"relkind": "r", "relnatts": len(r.columns), "relispopulated": true, "relreplident": "d",
		}))
	}
	for _, r := range s.keyed() {
		rows = append(rows, classShape.row(record{
			"oid": r.oid + oidIndexes, "relname": r.indexName(), "relnamespace": namespaceOf(r.schema), "relowner": oidOwner, "relam": oidBTree, "relpersistence": "p", "relkind": "i", "relnatts": len(r.key),
			"relispopulated": true, "relreplident": "n",
		}))
	}
	return rows
}

// attributeRow returns the row of a column.
func attributeRow(table uint32, number int, c *column, key bool) []driver.Value {
	storage, collation := "p", 0
	if c.kind.width < 0 {
		storage = "x"
	}
	if c.kind == kindText || c.kind == kindName || c.kind == kindString {
		collation = 100
	}
	return attributeShape.row(record{
		"attrelid": table, "attname": c.name, "atttypid": c.kind.oid, "attstattarget": -1, "attlen": c.kind.width, "attnum": number, "attcacheoff": -1, "atttypmod": -1, "attbyval": c.kind.width > 0 && c.kind.width <= 8,
		"attalign": "i", "attstorage": storage, "attnotnull": key, "attislocal": true, "attcollation": collation,
	})
}

func (s *snapshot) attributeRows() (rows [][]driver.Value) {
	for _, r := range s.listed() {
		for i := range r.columns {
			rows = append(rows, attributeRow(r.oid, i+1, &r.columns[i], slices.Contains(r.key, i)))
		}
	}
	for _, r := range s.keyed() {
		for i, c := range r.key {
			rows = append(rows, attributeRow(r.oid+oidIndexes, i+1, &r.columns[c], false))
		}
	}
	return rows
}

// categories are the categories of types, by which clients know numbers and texts.
var categories = map[*kind]string{kindBool: "B", kindInt: "N", kindInt2: "N", kindInt4: "N", kindOID: "N", kindFloat: "N", kindTime: "D", kindBytes: "U", kindJSON: "U", kindVector: "A", kindChar: "Z"}

func typeRows(*snapshot) (rows [][]driver.Value) {
	for _, k := range kinds {
		category := categories[k]
		if category == "" {
			category = "S"
		}
		rows = append(rows, typeShape.row(record{
			"oid": k.oid, "typname": k.internal, "typnamespace": oidCatalog, "typowner": oidOwner, "typlen": k.width, "typbyval": k.width > 0 && k.width <= 8, "typtype": "b", "typcategory": category, "typisdefined": true,
			"typdelim": ",", "typtypmod": -1, "typinput": k.internal + "in", "typoutput": k.internal + "out", "typreceive": k.internal + "recv", "typsend": k.internal + "send",
		}))
	}
	return rows
}

func namespaceRows(*snapshot) (rows [][]driver.Value) {
	for _, schema := range []string{"pg_catalog", schemaMain, "information_schema"} {
		rows = append(rows, namespaceShape.row(record{"oid": namespaceOf(schema), "nspname": schema, "nspowner": oidOwner}))
	}
	return rows
}

func (s *snapshot) descriptionRows() (rows [][]driver.Value) {
	for _, r := range s.order {
		if r.description != "" {
			rows = append(rows, descriptionOf.row(record{"objoid": r.oid, "classoid": classOfTables, "description": r.description}))
		}
		for i, c := range r.columns {
			if c.description != "" {
				rows = append(rows, descriptionOf.row(record{"objoid": r.oid, "classoid": classOfTables, "objsubid": i + 1, "description": c.description}))
			}
		}
	}
	return rows
}

// vector returns numbers with a separator between them.
func vector(key []int, separator string) string {
	words := make([]string, len(key))
	for i, c := range key {
		words[i] = fmt.Sprint(c + 1)
	}
	return strings.Join(words, separator)
}

func (s *snapshot) indexRows() (rows [][]driver.Value) {
	for _, r := range s.keyed() {
		zeros := strings.TrimSpace(strings.Repeat("0 ", len(r.key)))
		rows = append(rows, indexShape.row(record{
			"indexrelid": r.oid + oidIndexes, "indrelid": r.oid, "indnatts": len(r.key), "indnkeyatts": len(r.key), "indisunique": true, "indisprimary": true, "indimmediate": true, "indisvalid": true, "indisready": true,
			"indislive": true, "indkey": vector(r.key, " "), "indcollation": zeros, "indclass": zeros, "indoption": zeros, "indexdef_": r.indexDefinition(),
		}))
	}
	return rows
}

func (s *snapshot) constraintRows() (rows [][]driver.Value) {
	for _, r := range s.keyed() {
		rows = append(rows, constraintShape.row(record{
			"oid": r.oid + 2*oidIndexes, "conname": r.indexName(), "connamespace": namespaceOf(r.schema), "contype": "p", "convalidated": true, "conrelid": r.oid, "conindid": r.oid + oidIndexes, "conislocal": true,
			"connoinherit": true, "conkey": "{" + vector(r.key, ",") + "}", "condef_": "PRIMARY KEY (" + strings.Join(r.keyNames(), ", ") + ")",
		}))
	}
	return rows
}

func databaseRows(*snapshot) [][]driver.Value {
	return [][]driver.Value{databaseShape.row(record{
		"oid": 1, "datname": databaseName, "datdba": oidOwner, "encoding": 6, "datlocprovider": "c", "datallowconn": true, "datconnlimit": ConnectionsMax, "dattablespace": 1663, "datcollate": "C", "datctype": "C",
	})}
}

func rolesRows(*snapshot) [][]driver.Value {
	return [][]driver.Value{rolesShape.row(record{"oid": oidOwner, "rolname": databaseName, "rolinherit": true, "rolcanlogin": true, "rolconnlimit": -1})}
}

func userRows(*snapshot) [][]driver.Value {
	return [][]driver.Value{userShape.row(record{"usename": databaseName, "usesysid": oidOwner})}
}

func accessRows(*snapshot) [][]driver.Value {
	return [][]driver.Value{accessShape.row(record{"oid": oidHeap, "amname": "heap", "amtype": "t"}), accessShape.row(record{"oid": oidBTree, "amname": "btree", "amtype": "i"})}
}

func languageRows(*snapshot) [][]driver.Value {
	return [][]driver.Value{languageShape.row(record{"oid": 12, "lanname": "internal", "lanowner": oidOwner})}
}

func tablespaceRows(*snapshot) [][]driver.Value {
	return [][]driver.Value{tablespaceShape.row(record{"oid": 1663, "spcname": "pg_default", "spcowner": oidOwner})}
}

func settingsRows(*snapshot) (rows [][]driver.Value) {
	for _, name := range slices.Sorted(maps.Keys(settingsKnown)) {
		rows = append(rows, settingsShape.row(record{"name": name, "setting": settingsKnown[name], "category": "Preset Options", "context": "user", "vartype": "string", "source": "default"}))
	}
	return rows
}

func (s *snapshot) tablesRows() (rows [][]driver.Value) {
	for _, r := range s.listed() {
		rows = append(rows, tablesShape.row(record{"schemaname": r.schema, "tablename": r.name, "tableowner": databaseName, "hasindexes": r.schema == schemaMain && len(r.key) > 0}))
	}
	return rows
}

func (s *snapshot) indexesRows() (rows [][]driver.Value) {
	for _, r := range s.keyed() {
		rows = append(rows, indexesShape.row(record{"schemaname": r.schema, "tablename": r.name, "indexname": r.indexName(), "indexdef": r.indexDefinition()}))
	}
	return rows
}

func procRows(*snapshot) [][]driver.Value {
	return [][]driver.Value{procShape.row(record{
		"oid": oidZoneTree, "proname": "zone_tree", "pronamespace": oidPublic, "proowner": oidOwner, "prolang": 12, "procost": 1, "prorows": 1000, "prokind": "f", "proretset": true, "provolatile": "v", "proparallel": "u",
		"pronargs": 2, "pronargdefaults": 1, "prorettype": 2249, "proargtypes": "25 20", "prosrc": "zone_tree",
	})}
}

func (s *snapshot) infoTableRows() (rows [][]driver.Value) {
	for _, r := range s.listed() {
		insertable := "NO"
		if r.oid == oidOwnRows {
			insertable = "YES"
		}
		rows = append(rows, infoTables.row(record{
			"table_catalog": databaseName, "table_schema": r.schema, "table_name": r.name, "table_type": "BASE TABLE", "is_insertable_into": insertable, "is_typed": "NO",
		}))
	}
	return rows
}

func (s *snapshot) infoColumnRows() (rows [][]driver.Value) {
	for _, r := range s.listed() {
		for i, c := range r.columns {
			nullable, updatable := "YES", "NO"
			if slices.Contains(r.key, i) {
				nullable = "NO"
			}
			if (r.oid == oidSelf || r.oid == oidOwnRows) && i >= len(rowColumns) && i < len(r.columns)-1 {
				updatable = "YES"
			}
			rows = append(rows, infoColumns.row(record{
				"table_catalog": databaseName, "table_schema": r.schema, "table_name": r.name, "column_name": c.name, "ordinal_position": i + 1, "is_nullable": nullable, "data_type": c.kind.name,
				"character_maximum_length": nil, "character_octet_length": nil, "numeric_precision": nil, "numeric_precision_radix": nil, "numeric_scale": nil, "datetime_precision": nil,
				"udt_catalog": databaseName, "udt_schema": "pg_catalog", "udt_name": c.kind.internal, "is_identity": "NO", "is_generated": "NEVER", "is_updatable": updatable,
			}))
		}
	}
	return rows
}

func infoSchemaRows(*snapshot) (rows [][]driver.Value) {
	for _, schema := range []string{"pg_catalog", schemaMain, "information_schema"} {
		rows = append(rows, infoSchemata.row(record{"catalog_name": databaseName, "schema_name": schema, "schema_owner": databaseName}))
	}
	return rows
}

func (s *snapshot) infoKeyRows() (rows [][]driver.Value) {
	for _, r := range s.keyed() {
		for i, name := range r.keyNames() {
			rows = append(rows, infoKeys.row(record{
				"constraint_catalog": databaseName, "constraint_schema": r.schema, "constraint_name": r.indexName(), "table_catalog": databaseName, "table_schema": r.schema, "table_name": r.name, "column_name": name,
				"ordinal_position": i + 1, "position_in_unique_constraint": nil,
			}))
		}
	}
	return rows
}

func (s *snapshot) infoConstraintRows() (rows [][]driver.Value) {
	for _, r := range s.keyed() {
		rows = append(rows, infoConstraints.row(record{
			"constraint_catalog": databaseName, "constraint_schema": r.schema, "constraint_name": r.indexName(), "table_catalog": databaseName, "table_schema": r.schema, "table_name": r.name,
			"constraint_type": "PRIMARY KEY", "is_deferrable": "NO", "initially_deferred": "NO", "enforced": "YES",
		}))
	}
	return rows
}
