-- Sends a list of requests again and again, and prints what came of it as one line of JSON.
--   wrk ... -s wrk.lua URL -- LIST TOKEN
-- Each line of the list is a request: method, path, If-None-Match and body, with tabs between them.
local requests, place = {}, 0

function init(arguments)
  wrk.headers["Accept"] = "application/json"
  if arguments[2] then wrk.headers["Authorization"] = "Bearer " .. arguments[2] end
  for line in io.lines(arguments[1]) do
    local method, path, etag, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
    local headers = {}
    for name, value in pairs(wrk.headers) do headers[name] = value end
    if etag ~= "" then headers["If-None-Match"] = etag end
    if body ~= "" then headers["Content-Type"] = "application/json" end
    requests[#requests + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
  end
end

function request()
  place = place % #requests + 1
  return requests[place]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
