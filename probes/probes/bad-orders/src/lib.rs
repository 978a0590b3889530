//! A probe: orders, payments and stock that the shop must not accept.
//!
//! The rows that it refers to are those that `fixtures/shop/README.md` says are surely there; the statements hold before and
//! after the migrations of that shop.

use rehearsal_guest::{Case, Database, Description, ErrorClass, Probe, params};

/// The probe.
pub struct BadOrders;

impl Probe for BadOrders {
    fn describe() -> Description {
        Description::new("bad-orders", "Orders, payments and stock that the shop must not accept, and some that it must.")
    }

    fn cases() -> Vec<Case> {
        let mut cases = incomplete();
        cases.extend(contradictory());
        cases.extend(forbidden());
        cases.extend(controls());
        cases
    }
}

/// Values that are missing or out of range.
fn incomplete() -> Vec<Case> {
    vec![
        Case::rejected(
            "customer-without-email",
            ErrorClass::NotNull,
            "A customer whom nobody could write to.",
            "INSERT INTO customers (email, name, created_at) VALUES (NULL, 'Nobody', '2025-01-01T00:00:00Z')",
        ),
        Case::rejected(
            "free-product",
            ErrorClass::Check,
            "A product that costs nothing.",
            "INSERT INTO products (sku, name, price_cents, created_at)
             VALUES ('BAD-1', 'Free lunch', 0, '2025-01-01T00:00:00Z')",
        ),
        Case::rejected(
            "teleported-order",
            ErrorClass::Check,
            "An order in a status that does not exist.",
            "UPDATE orders SET status = 'teleported' WHERE id = 1",
        ),
        Case::rejected(
            "oversold-stock",
            ErrorClass::Check,
            "A sale of more than is on the shelf; the trigger that keeps the stock runs into its CHECK.",
            "INSERT INTO stock_movements (warehouse, product_id, delta, reason, at)
             VALUES ('BER', 1, -1000000, 'sale', '2025-01-01T00:00:00Z')",
        ),
        Case::rejected("short-reference", ErrorClass::Check, "A payment whose reference is one byte short.", |db: &Database| {
            db.attack(
                "INSERT INTO payments (order_id, method, amount_cents, reference) VALUES (?1, ?2, ?3, ?4)",
                params![1, "card", 1999, vec![7_u8; 11]],
            );
            Ok(())
        }),
        Case::rejected(
            "amount-in-words",
            ErrorClass::Type,
            "A payment of 'ten euros' into a STRICT table.",
            "INSERT INTO payments (order_id, method, amount_cents, reference)
             VALUES (1, 'card', 'ten euros', x'000102030405060708090a0b')",
        ),
        Case::rejected(
            "half-a-product",
            ErrorClass::Type,
            "One and a half of a product on the shelf.",
            "UPDATE inventory SET quantity = 1.5 WHERE warehouse = 'BER' AND product_id = 1",
        ),
    ]
}

/// Rows that contradict others.
fn contradictory() -> Vec<Case> {
    vec![
        Case::rejected(
            "twin-product",
            ErrorClass::Unique,
            "A second product with the SKU of the first.",
            "INSERT INTO products (sku, name, price_cents, created_at)
             SELECT sku, 'Twin', 100, '2025-01-01T00:00:00Z' FROM products WHERE id = 1",
        ),
        Case::rejected(
            "stolen-email",
            ErrorClass::Unique,
            "A customer who takes the e-mail address of another.",
            "UPDATE customers SET email = (SELECT email FROM customers WHERE id = 1) WHERE id = 2",
        ),
        Case::rejected(
            "second-germany",
            ErrorClass::PrimaryKey,
            "A country with a code that is taken.",
            "INSERT INTO countries (code, name, dial_code, currency) VALUES ('DE', 'Elsewhere', '+999', 'EUR')",
        ),
        Case::rejected(
            "second-first-line",
            ErrorClass::PrimaryKey,
            "A second first line of an order.",
            "INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price_cents) VALUES (1, 1, 1, 1, 100)",
        ),
        Case::rejected(
            "order-of-nobody",
            ErrorClass::ForeignKey,
            "An order of a customer who is not there.",
            "INSERT INTO orders (customer_id, placed_at, updated_at)
             VALUES (999999999, '2025-01-01T00:00:00Z', '2025-01-01T00:00:00Z')",
        ),
        Case::rejected(
            "sold-product-deleted",
            ErrorClass::ForeignKey,
            "A product goes while orders still name it.",
            "DELETE FROM products WHERE id = 1",
        ),
        Case::rejected(
            "shipped-order-repriced",
            ErrorClass::Trigger,
            "A new total for an order that has been shipped.",
            "UPDATE orders SET total_cents = 1 WHERE id = 4",
        ),
        Case::rejected(
            "shipped-order-extended",
            ErrorClass::Trigger,
            "One more item for an order that has been shipped.",
            "INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price_cents) VALUES (4, 99, 1, 1, 100)",
        ),
        Case::rejected(
            "shipped-order-deleted",
            ErrorClass::Trigger,
            "An order that has been shipped disappears.",
            "DELETE FROM orders WHERE id = 4",
        ),
    ]
}

/// Ways out of the clone.
fn forbidden() -> Vec<Case> {
    vec![
        Case::rejected(
            "another-database",
            ErrorClass::NotAuthorized,
            "A way to another database file.",
            "ATTACH DATABASE 'elsewhere.db' AS elsewhere",
        ),
        Case::rejected("rewritten-schema", ErrorClass::NotAuthorized, "A way round every constraint above.", "PRAGMA writable_schema = ON"),
    ]
}

/// Good input, which shows that the shop does not simply refuse everything.
fn controls() -> Vec<Case> {
    vec![
        Case::allowed(
            "order-placed",
            "An order, its first item and its payment.",
            [
                "INSERT INTO orders (id, customer_id, status, currency, total_cents, placed_at, updated_at)
                 VALUES (900000001, 1, 'new', 'EUR', 1999, '2025-06-01T12:00:00Z', '2025-06-01T12:00:00Z')",
                "INSERT INTO order_items (order_id, line_no, product_id, quantity, unit_price_cents)
                 VALUES (900000001, 1, 1, 1, 1999)",
                "INSERT INTO payments (order_id, method, amount_cents, reference)
                 VALUES (900000001, 'card', 1999, x'000102030405060708090a0b')",
            ],
        ),
        Case::allowed(
            "stock-delivered",
            "Five more of a product on the shelf.",
            "INSERT INTO stock_movements (warehouse, product_id, delta, reason, at)
             VALUES ('BER', 1, 5, 'delivery', '2025-06-01T12:00:00Z')",
        ),
    ]
}

rehearsal_guest::export_probe!(BadOrders);
