-- A shop of 300 customers and 200 articles, by arithmetic: what a real one has in its own tables.
CREATE TABLE articles (sku TEXT PRIMARY KEY, name TEXT, department TEXT, price NUMERIC(8, 2));
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, sku TEXT, pieces INTEGER, paid NUMERIC(8, 2), ordered_at TIMESTAMP);

WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 199)
INSERT INTO articles SELECT 'sku-' || i, 'Article ' || i, 'Department ' || (i % 10), 5 + (i * 37) % 90 FROM n;

-- Twenty orders of each customer, over half a year. A customer likes one department; each fourth order is of another one.
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5999),
     o(i, customer, turn) AS (SELECT i, i % 300, i / 300 FROM n)
INSERT INTO orders
SELECT i, 'customer-' || customer,
       'sku-' || ((customer + CASE WHEN turn % 4 = 3 THEN turn ELSE 0 END) % 10 + 10 * ((customer / 10 + turn * 7) % 20)),
       1 + i % 3, 5 + (i * 37) % 90, datetime('2026-01-01', '+' || (i * 40) || ' minutes')
FROM o;
