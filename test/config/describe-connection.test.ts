import { expect, test } from "vitest";
import { describeConnection } from "../../src/config/describe-connection.ts";

test.each([
  ["postgres://anna:s3cret@db.example:6432/shop", "postgres://anna@db.example:6432/shop"],
  ["postgresql://localhost/shop?password=s3cret&user=x", "postgresql://localhost/shop"],
  ["postgres:///shop?host=/var/run/postgresql", "postgres:///var/run/postgresql/shop"],
  ["not a url with s3cret", "(a connection string that can't be read)"],
])("%s is shown as %s", (connection, shown) => {
  expect(describeConnection(connection)).toBe(shown);
});
