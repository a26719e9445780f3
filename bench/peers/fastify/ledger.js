// The queries that do more than read rows.

class Refusal extends Error {
  constructor(statusCode, message) {
    super(message)
    this.statusCode = statusCode
  }
}

const LOCK = {
  name: 'lock',
  text: `
    SELECT wanted.number, levels.item_id, levels.location_id, levels.on_hand - levels.reserved AS available
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (sku, code, number)
    JOIN items ON items.sku = wanted.sku AND NOT items.archived
    JOIN locations ON locations.code = wanted.code AND NOT locations.archived
    JOIN levels ON levels.item_id = items.id AND levels.location_id = locations.id
    ORDER BY levels.item_id, levels.location_id
    FOR UPDATE OF levels`,
}
const TAKE = {
  name: 'take',
  text: `
    UPDATE levels SET on_hand = on_hand - taken.quantity
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS taken (item_id, location_id, quantity)
    WHERE levels.item_id = taken.item_id AND levels.location_id = taken.location_id`,
}
const RECORD = {
  name: 'record',
  text: `
    INSERT INTO movements (kind, reference, note, occurred_at, created_at, created_by)
    VALUES ($1, $2, $3, coalesce($4, now()), now(), $5)
    RETURNING id, kind, reference, note, occurred_at, created_at, created_by`,
}
const LINES = {
  name: 'lines',
  text: `
    INSERT INTO movement_lines (movement_id, line, item_id, location_id, delta)
    SELECT $1, line, item_id, location_id, -quantity
    FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY AS taken (item_id, location_id, quantity, line)`,
}

// Takes the lines from stock, all of them or none, in the transaction of `client`.
export async function issue(client, { kind, reference, note, occurred_at, lines }, by) {
  if (new Set(lines.map(({ sku, location }) => `${sku} ${location}`)).size < lines.length) {
    throw new Refusal(400, 'Two lines are about the same place')
  }
  const { rows } = await client.query({ ...LOCK, values: [lines.map((l) => l.sku), lines.map((l) => l.location)] })
  if (rows.length < lines.length) throw new Refusal(404, 'Nothing is held at some of these places')
  rows.sort((one, other) => one.number - other.number)
  if (rows.some((row, index) => row.available < lines[index].quantity)) {
    throw new Refusal(409, 'There is not enough stock')
  }
  const taken = [rows.map((r) => r.item_id), rows.map((r) => r.location_id), lines.map((l) => l.quantity)]
  await client.query({ ...TAKE, values: taken })
  const recorded = await client.query({ ...RECORD, values: [kind, reference, note, occurred_at, by] })
  const movement = recorded.rows[0]
  await client.query({ ...LINES, values: [movement.id, ...taken] })
  movement.lines = lines.map(({ sku, location, quantity }) => ({ sku, location, delta: -quantity }))
  return movement
}

const FIGURES = `
  SELECT
    (SELECT count(*) FROM items WHERE NOT archived) AS items,
    (SELECT count(*) FROM items WHERE archived) AS archived_items,
    (SELECT count(*) FROM locations WHERE NOT archived) AS locations,
    (SELECT coalesce(sum(on_hand), 0) FROM levels) AS units,
    (SELECT count(*) FROM items WHERE NOT archived AND reorder_point >=
      (SELECT coalesce(sum(on_hand), 0) FROM levels WHERE item_id = items.id)) AS low_stock,
    (SELECT count(*) FROM movements WHERE created_at >= date_trunc('day', now(), 'UTC')) AS movements_today,
    now() AS as_of`

export async function summarise(pg) {
  const { rows } = await pg.query(FIGURES)
  return rows[0]
}
