// What comes in and goes out, as JSON schemas.
const sku = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' }
const code = { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$' }
const tag = { type: 'string', pattern: '^[a-z0-9][a-z0-9-]{0,39}$' }
const string = { type: 'string' }
const integer = { type: 'integer' }
const time = { type: 'string', format: 'date-time' }
const closed = (properties, required) => ({ type: 'object', additionalProperties: false, required, properties })

const item = {
  type: 'object',
  properties: {
    sku: string,
    name: string,
    description: { type: 'string', nullable: true },
    unit: string,
    reorder_point: { type: 'integer', nullable: true },
    tags: { type: 'array', items: string },
    archived: { type: 'boolean' },
    version: integer,
    created_at: time,
    updated_at: time,
  },
}
const newItem = closed({
  sku,
  name: { type: 'string', minLength: 1, maxLength: 200 },
  description: { type: 'string', nullable: true, maxLength: 2000, default: null },
  unit: { type: 'string', minLength: 1, maxLength: 20, default: 'piece' },
  reorder_point: { type: 'integer', nullable: true, minimum: 0, maximum: 1_000_000_000_000, default: null },
  tags: { type: 'array', maxItems: 20, uniqueItems: true, items: tag, default: [] },
}, ['sku', 'name'])
const stockLine = closed(
  { sku, location: code, quantity: { type: 'integer', minimum: 1, maximum: 1_000_000_000_000 } },
  ['sku', 'location', 'quantity'])
const newIssue = closed({
  kind: { type: 'string', enum: ['issue'] },
  reference: { type: 'string', minLength: 1, maxLength: 100 },
  note: { type: 'string', minLength: 1, maxLength: 1000 },
  occurred_at: time,
  lines: { type: 'array', minItems: 1, maxItems: 500, items: stockLine },
}, ['kind', 'lines'])
const movement = {
  type: 'object',
  properties: {
    id: integer,
    kind: string,
    reference: { type: 'string', nullable: true },
    note: { type: 'string', nullable: true },
    occurred_at: time,
    created_at: time,
    created_by: string,
    lines: {
      type: 'array',
      items: { type: 'object', properties: { sku: string, location: string, delta: integer } },
    },
  },
}
const summary = {
  type: 'object',
  properties: {
    items: integer,
    archived_items: integer,
    locations: integer,
    units: integer,
    low_stock: integer,
    movements_today: integer,
    as_of: time,
  },
}

export const login = {
  body: closed({
    username: { type: 'string', minLength: 1, maxLength: 40 },
    password: { type: 'string', minLength: 1, maxLength: 128 },
  }, ['username', 'password']),
  response: { 200: { type: 'object', properties: { access_token: string, token_type: string, expires_in: integer } } },
}
export const readItem = { params: closed({ sku }, ['sku']), response: { 200: item } }
export const listItems = {
  querystring: closed({
    page: { type: 'integer', minimum: 1, maximum: 1_000_000, default: 1 },
    per_page: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
  }),
  response: {
    200: {
      type: 'object',
      properties: { items: { type: 'array', items: item }, total: integer, page: integer, per_page: integer },
    },
  },
}
export const createItem = { body: newItem, response: { 201: item } }
export const recordMovement = { body: newIssue, response: { 201: movement } }
export const readSummary = { response: { 200: summary } }
