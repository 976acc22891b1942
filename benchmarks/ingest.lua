-- Posts the same body again and again; its events carry no event_id, so each counts.
function init()
  local file = assert(io.open(os.getenv("BODY"), "rb"))
  local body = file:read("*a")
  file:close()
  post = wrk.format("POST", os.getenv("TARGET"), { ["Content-Type"] = "application/json" }, body)
end

function request()
  return post
end
