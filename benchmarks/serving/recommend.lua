-- For wrk: the requests of a file in turn, POSTed to /v1/recommend; BODIES names the file, DELAY_MS
-- holds each connection back after an answer (closed loop, so a rate only in the mean).
local headers = {["Host"] = "localhost", ["Content-Type"] = "application/json"}
local bodies = {}
for line in io.lines(os.getenv("BODIES")) do
  bodies[#bodies + 1] = wrk.format("POST", "/v1/recommend", headers, line)
end
local wait = tonumber(os.getenv("DELAY_MS") or "0")
local at = 0

function request()
  at = at % #bodies + 1
  return bodies[at]
end

if wait > 0 then
  function delay()
    return wait
  end
end

function done(summary, latency)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write
    + summary.errors.status + summary.errors.timeout
  io.write(string.format('RESULT {"answered":%d,"errors":%d,"achieved":%.1f,"latency":{"p50":%.1f,"p90":%.1f,' ..
    '"p99":%.1f,"p999":%.1f,"max":%.1f}}\n', summary.requests, errors,
    summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(90),
    latency:percentile(99), latency:percentile(99.9), latency.max))
end
