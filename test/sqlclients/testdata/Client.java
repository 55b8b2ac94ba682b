import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;

/** What programs do by JDBC: the catalog, prepared statements with parameters, rows some at a time, changes and refusals. It prints a line for each. Its argument is the URL. */
public class Client {
	static void print(String what, ResultSet rows, String... columns) throws SQLException {
		StringBuilder line = new StringBuilder(what);
		while (rows.next()) {
			for (String column : columns) {
				line.append(' ').append(rows.getString(column));
			}
		}
		System.out.println(line);
	}

	public static void main(String[] arguments) throws SQLException {
		Connection connection = DriverManager.getConnection(arguments[0]);
		DatabaseMetaData catalog = connection.getMetaData();
		print("tables", catalog.getTables(null, "public", "host%", new String[] {"TABLE"}), "TABLE_NAME", "TABLE_TYPE");
		print("columns", catalog.getColumns(null, "public", "hosts", "load"), "COLUMN_NAME", "TYPE_NAME");
		print("primary key", catalog.getPrimaryKeys(null, "public", "hosts"), "COLUMN_NAME", "PK_NAME");
		print("foreign keys", catalog.getImportedKeys(null, "public", "hosts"), "FK_NAME");

		PreparedStatement hosts = connection.prepareStatement("SELECT name, load, cpus FROM hosts WHERE load > ? AND role = ? AND cpus >= ? AND NOT suspect ORDER BY name LIMIT ?");
		for (int i = 0; i < 8; i++) { // after some the driver prepares it at the server, and changes to binary forms
			hosts.setDouble(1, 0.1);
			hosts.setString(2, "db");
			hosts.setInt(3, 1);
			hosts.setInt(4, 1);
			ResultSet row = hosts.executeQuery();
			row.next();
			if (i == 0 || i == 7) {
				System.out.println("prepared " + row.getString(1) + " " + row.getDouble(2) + " " + row.getLong(3));
			}
		}
		connection.setAutoCommit(false);
		Statement some = connection.createStatement();
		some.setFetchSize(2);
		ResultSet all = some.executeQuery("SELECT name FROM hosts");
		int count = 0;
		while (all.next()) {
			count++;
		}
		System.out.println("fetched " + count);
		connection.commit();
		connection.setAutoCommit(true);

		PreparedStatement update = connection.prepareStatement("UPDATE self SET load = ?, stamped = ?, up = ?");
		update.setDouble(1, 9.5);
		update.setTimestamp(2, new Timestamp(1700000000000L));
		update.setBoolean(3, true);
		System.out.println("updated " + update.executeUpdate());
		print("own", connection.createStatement().executeQuery("SELECT load FROM self"), "load");
		try {
			connection.createStatement().executeUpdate("UPDATE hosts SET load = 1");
		} catch (SQLException e) {
			System.out.println("refused " + e.getSQLState());
		}
	}
}
