-- Asks for lists of the users user_1 .. user_USERS in turn.
local users = tonumber(os.getenv("USERS"))
local path = os.getenv("TARGET")
local made = {}
local turn = 0

function init()
  for number = 1, users do
    made[number] = wrk.format("POST", string.format(path, number))
  end
end

function request()
  turn = turn % users + 1
  return made[turn]
end
