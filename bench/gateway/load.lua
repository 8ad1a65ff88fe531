-- wrk -s load.lua URL: posts BODY with HEADERS (one a line) from the environment, and prints what came of it as JSON.
wrk.method = "POST"
wrk.body = os.getenv("BODY")
for name, value in string.gmatch(os.getenv("HEADERS"), "([^\n:]+): ([^\n]+)") do wrk.headers[name] = value end

done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"perSecond":%f,"p50":%f,"p99":%f,"refused":%d,"broken":%d}\n',
    summary.requests / (summary.duration / 1e6), latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
