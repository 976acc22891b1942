"""What must happen in one step on the server, in Lua. Each touches keys of one hash tag only, and only those in KEYS.

Tokens are 32 bytes, hard and soft, each 8 of log position (big endian) and 8 of chance. A key that holds anything else, or
is of another type, counts as missing. Every call that writes may be refused (no memory, read-only): that is no error of the
script, but an answer.
"""

from hashlib import sha1
from typing import Final

_TOKENS: Final = """
local function tokens(key)
  local found = redis.pcall('GET', key)
  return type(found) == 'string' and #found == 32 and found or false
end
local function put(...)
  local done = redis.pcall('SET', ...)
  return not (type(done) == 'table' and done.err)
end
local function later(a, b)
  return struct.unpack('>I8', a) > struct.unpack('>I8', b)
end
"""


class Script:
    """A script with the digest that the server knows it by."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()


READ: Final = Script(
    _TOKENS
    + """
-- KEYS: per subject its tokens, then its values.
-- ARGV: ms for new tokens; per subject the number of values, new tokens or '', then tokens or '': older ones are none.
-- Returns per subject its tokens, then per value the value and its ms left. Without tokens no value is of use.
local out, k = {}, 1
local function older(a, b)
  return b ~= '' and (later(b, a) or later(string.sub(b, 17), string.sub(a, 17)))
end
for a = 2, #ARGV, 3 do
  local n, now = tonumber(ARGV[a]), tokens(KEYS[k])
  local fresh = not now or older(now, ARGV[a + 2])
  if fresh and ARGV[a + 1] ~= '' and put(KEYS[k], ARGV[a + 1], 'PX', ARGV[1]) then now = ARGV[a + 1] end
  out[#out + 1] = now
  for i = 1, n do
    local value = not fresh and redis.pcall('GET', KEYS[k + i])
    local there = type(value) == 'string'
    out[#out + 1] = there and value
    out[#out + 1] = there and redis.call('PTTL', KEYS[k + i]) or 0
  end
  k = k + n + 1
end
return out
"""
)

WRITE: Final = Script(
    _TOKENS
    + """
-- KEYS: tokens, value, lease. ARGV: hard token, value, its ms, ms of tokens, holder of the lease or ''.
-- Returns 1: stored, 0: the server took it not, else the tokens that are there ('' for none).
local now, answer = tokens(KEYS[1]), 1
if not now or string.sub(now, 1, 16) ~= ARGV[1] then
  answer = now or ''
elseif put(KEYS[2], ARGV[2], 'PX', ARGV[3]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
else
  answer = 0
end
if ARGV[5] ~= '' and redis.pcall('GET', KEYS[3]) == ARGV[5] then redis.pcall('DEL', KEYS[3]) end
return answer
"""
)

RELEASE: Final = Script(
    """
-- KEYS: leases. ARGV: holder.
for i = 1, #KEYS do
  if redis.pcall('GET', KEYS[i]) == ARGV[1] then redis.pcall('DEL', KEYS[i]) end
end
return 1
"""
)

REPLACE: Final = Script(
    _TOKENS
    + """
-- KEYS: stream, then tokens.
-- ARGV: length of the stream, ms of tokens; per token the subject, '1' if the hard one is new, hard token, soft token.
-- Returns the tokens that each has now; '' for one that was refused, which is gone then, and so is the stream, so that
-- nobody goes on trusting what he holds. Nothing at all if the stream could not be written to.
-- Made for want of any: whoever holds an older token has not heard that this one stands for the change.
local function starting(token)
  return string.byte(token, 9) >= 128
end
local told, present, done = {}, {}, true
for i = 2, #KEYS do
  local a = 3 + (i - 2) * 4
  local now, hard, soft, tell = tokens(KEYS[i]), ARGV[a + 2], ARGV[a + 3], true
  if now then
    local was_hard, was_soft = string.sub(now, 1, 16), string.sub(now, 17)
    if ARGV[a + 1] ~= '1' or not later(hard, was_hard) then hard = was_hard end
    if not later(soft, was_soft) then soft = was_soft end
    tell = hard .. soft ~= now or (ARGV[a + 1] == '1' and starting(hard)) or starting(soft)
  end
  if hard .. soft ~= now and not put(KEYS[i], hard .. soft, 'PX', ARGV[2]) then
    done, tell = false, false
    redis.pcall('DEL', KEYS[i])
    present[i - 1] = ''
  else
    present[i - 1] = hard .. soft
  end
  if tell then told[#told + 1] = ARGV[a] .. hard .. soft end
end
local function tell()
  local id = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', 't', table.concat(told))
  return type(id) == 'string'
end
if #told > 0 and not tell() then
  redis.pcall('DEL', KEYS[1])
  if not tell() then done, present = false, {} end
end
if not done then redis.pcall('DEL', KEYS[1]) end
return present
"""
)

TAIL: Final = Script(
    """
-- KEYS: stream. ARGV: some bytes. Returns the last entry; a stream that is missing is begun.
local last = redis.pcall('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if last.err then redis.call('DEL', KEYS[1]) end
if last.err or #last == 0 then return {redis.call('XADD', KEYS[1], '*', 'b', ARGV[1]), {'b', ARGV[1]}} end
return last[1]
"""
)

TEXTS: Final = {script.digest: script.text for script in (READ, WRITE, RELEASE, REPLACE, TAIL)}
