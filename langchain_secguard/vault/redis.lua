-- One request of a vault store, as one atomic step. See redis.py for the call, and docs/stores.md for the layout.
--
-- KEYS[1] is the vault, a hash that expires as a whole:
--   "."             the state: epoch, born, generation, words, arrivals, surrogates, entries, packed
--   "e" ref         a row: a line "ref valuelen surrogatelen arrival offer phrases fakes claims refers unless",
--                   the value, the surrogate, 16 bytes of folded, and 8 for each phrase and other key
--   "f" folded      the rows of a value in any case, each 16 bytes of identity, a byte of length, and the ref
--   "w" phrase      the refs whose value, or, behind a "~", whose surrogate has the phrase
--   "c" claim       the numbers of the bases that claim it, or "*" for many
--   "v" ref         how many variants a base was given
--   "#" n           the ref that was new at the generation that is n modulo RING
--   "~" n           the ref of the n-th surrogate
-- KEYS[2] is what outlives it: the highest number of each entity type, and "~" mark for each surrogate given.

local RING = 128
local MOST_ROWS = 4
local MOST_CLAIMANTS = 400 -- bytes
local MANY = ' * '
local NO_ROW = '\255\255\255\255'
local vault, grave = KEYS[1], KEYS[2]
local operation, ttl, codes, sent = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local position = 1

-- Read what was sent, and write what is answered: packed numbers and strings, each behind its length.

local function take(format)
  local values = { struct.unpack(format, sent, position) }
  position = table.remove(values)
  return unpack(values)
end

local function packed(row)
  return row and struct.pack('>I4', #row) .. row or NO_ROW
end

local function packed_list(rows, count)
  local parts = { struct.pack('>I4', count) }
  for at = 1, count do
    parts[at + 1] = packed(rows[at])
  end
  return table.concat(parts)
end

-- Keys that are only looked up have 8 of their 16 bytes: a mistaken one is seen by the value that it finds.
local function keys(packed)
  local list = {}
  for at = 1, #packed, 8 do
    list[#list + 1] = string.sub(packed, at, at + 7)
  end
  return list
end

local function get(field)
  return redis.call('HGET', vault, field)
end

local function set(field, value)
  redis.call('HSET', vault, field, value)
end

-- The state of the vault.

local state = { epoch = 0, born = 0, generation = 0, words = 0, arrivals = 0, surrogates = 0, entries = 0 }
local exists, changed = false, false
do
  local kept = get('.')
  if kept then
    exists = true
    state.epoch, state.born, state.generation, state.words, state.arrivals, state.surrogates, state.entries =
      struct.unpack('>dddI4I4I4I4', kept)
  end
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function create()
  if not exists then
    exists = true
    state.epoch = now()
    state.born = state.epoch
    state.generation = state.epoch
    changed = true
  end
end

local function save()
  if changed then
    set('.', struct.pack('>dddI4I4I4I4', state.epoch, state.born, state.generation, state.words,
      state.arrivals, state.surrogates, state.entries))
  end
  if exists and ttl > 0 then
    redis.call('PEXPIRE', vault, ttl)
  end
end

local function told()
  return struct.pack('>ddI4I4', state.epoch, state.generation, state.surrogates, state.words)
end

-- Lists of refs, each ended by a space.

local function listed(list, item)
  return string.find(list, ' ' .. item .. ' ', 1, true) ~= nil
end

-- Note that a base claims a name; whom so many claim is never told by it again, and the list ends.
local function claim(field, base)
  local list = get(field) or ' '
  if #list > MOST_CLAIMANTS then
    list = MANY
  elseif list ~= MANY and not listed(list, base) then
    list = list .. base .. ' '
  end
  set(field, list)
end

local function strike(field, item)
  local list = get(field)
  if list then
    local from, to = string.find(list, ' ' .. item .. ' ', 1, true)
    if from then
      list = string.sub(list, 1, from) .. string.sub(list, to + 1)
    end
    if list == ' ' then
      redis.call('HDEL', vault, field)
    else
      set(field, list)
    end
  end
end

-- Rows.

local HEAD = '^(%S+) (%-?%d+) (%-?%d+) (%d+) %d+ (%d+) (%d+) (%d+) (%d+) (%d+)\n()'

local function read(ref)
  local raw = get('e' .. ref)
  if not raw then
    return nil
  end
  local _, value, surrogate, arrival, phrases, fakes, claims, refers, unless, at = string.match(raw, HEAD)
  local row = { ref = ref, arrival = tonumber(arrival), offer = 0 }
  local function part(size)
    at = at + size
    return string.sub(raw, at - size, at - 1)
  end
  value, surrogate = tonumber(value), tonumber(surrogate)
  row.value = value >= 0 and part(value) or nil
  row.surrogate = surrogate >= 0 and part(surrogate) or nil
  row.folded = part(16)
  row.phrases, row.fakes = part(8 * phrases), part(8 * fakes)
  row.claims, row.refers, row.unless = part(8 * claims), part(8 * refers), part(8 * unless)
  return row
end

local function head(row, ...)
  return string.format('%s %d %d %d %d %d %d %d %d %d\n', row.ref, row.value and #row.value or -1,
    row.surrogate and #row.surrogate or -1, row.arrival, row.offer, ...)
end

local function write(row)
  local offer = row.offer
  row.offer = 0
  set('e' .. row.ref, head(row, #row.phrases / 8, #row.fakes / 8, #row.claims / 8, #row.refers / 8,
    #row.unless / 8) .. (row.value or '') .. (row.surrogate or '') .. row.folded .. row.phrases .. row.fakes
    .. row.claims .. row.refers .. row.unless)
  row.offer = offer
end

local function shown(row)
  return row and head(row, 0, 0, 0, 0, 0) .. (row.value or '') .. (row.surrogate or '') or false
end

-- Cut off a row what the caller does not need.
local function cut(raw)
  local _, value, surrogate, _, _, _, _, _, _, at = string.match(raw, HEAD)
  return string.sub(raw, 1, at - 1 + math.max(value, 0) + math.max(surrogate, 0))
end

local function shown_at(ref)
  local raw = get('e' .. ref)
  return raw and cut(raw)
end

local function learn(phrases, item, ref)
  local new = false
  for _, phrase in ipairs(keys(phrases)) do
    local field = 'w' .. phrase
    local list = get(field)
    if not list then
      new = true
      set(field, ' ' .. item .. ' ')
    elseif not listed(list, item) then
      set(field, list .. item .. ' ')
    end
  end
  if new then
    state.generation = state.generation + 1
    set('#' .. state.generation % RING, ref)
  end
end

-- Records.

local function record()
  local asked, offers = { offers = {} }, 0
  asked.type, asked.identity, asked.folded, asked.value, asked.expected, asked.like, asked.words,
    asked.phrases, asked.claims, asked.refers, asked.unless, offers, position =
    struct.unpack('>I2c0c16c16I4c0I2c0I2c0I2I2c0I2c0I2c0I2c0I2', sent, position)
  for at = 1, offers do
    local value, mark, phrases = take('>I4c0c16I2c0')
    asked.offers[at] = { value = value ~= '' and value or nil, mark = mark, phrases = phrases }
  end
  return asked
end

local function same_value(list, identity)
  local at = 1
  while list and at < #list do
    local size = string.byte(list, at + 16)
    if string.sub(list, at, at + 15) == identity then
      return string.sub(list, at + 17, at + 16 + size)
    end
    at = at + 17 + size
  end
  return nil
end

-- Return the number of the one base that every reference means, or nil.
local function base_of(asked)
  local base
  for _, key in ipairs(keys(asked.unless)) do
    if get('c' .. key) then
      return nil
    end
  end
  for _, key in ipairs(keys(asked.refers)) do
    local number = string.match(get('c' .. key) or '', '^ (%d+) $')
    if not number or (base and base ~= number) then
      return nil
    end
    base = number
  end
  return base
end

local function code(at)
  local size = #codes
  if at <= size then
    return string.sub(codes, at, at)
  end
  local first, second = math.floor((at - size - 1) / size), (at - size - 1) % size
  return first < size and string.sub(codes, first + 1, first + 1) .. string.sub(codes, second + 1, second + 1)
end

local function new_ref(asked)
  local base = base_of(asked)
  if base then
    local variant = code(redis.call('HINCRBY', vault, 'v' .. asked.type .. ':' .. base, 1))
    if variant then
      return asked.type .. ':' .. base .. variant, false
    end
  end
  return asked.type .. ':' .. redis.call('HINCRBY', grave, asked.type, 1), true
end

local function disguise(row, asked)
  for at, offer in ipairs(asked.offers) do
    local mark = '~' .. offer.mark
    local taken = redis.call('HEXISTS', grave, mark) == 1
    for _, phrase in ipairs(keys(offer.phrases)) do
      taken = taken or redis.call('HEXISTS', vault, 'w' .. phrase) == 1
    end
    if not taken then
      changed = true
      redis.call('HSET', grave, mark, '')
      state.surrogates = state.surrogates + 1
      set('~' .. state.surrogates, row.ref)
      row.surrogate, row.fakes, row.offer = offer.value, offer.phrases, at
      learn(offer.phrases, '~' .. row.ref, row.ref)
      write(row)
      return
    end
  end
end

local function settle_record(asked)
  local list = get('f' .. asked.folded)
  local ref = same_value(list, asked.identity)
  if ref then
    if #asked.offers == 0 then
      return shown_at(ref)
    end
    local row = read(ref)
    if not row.surrogate then
      disguise(row, asked)
    end
    return shown(row)
  end
  changed = true
  local model = asked.like ~= '' and read(asked.like)
  if model then
    asked.claims, asked.refers, asked.unless = model.claims, model.refers, model.unless
  end
  local is_base
  ref, is_base = new_ref(asked)
  state.arrivals = state.arrivals + 1
  state.entries = state.entries + 1
  state.words = math.max(state.words, asked.words)
  local row = { ref = ref, arrival = state.arrivals, offer = 0, folded = asked.folded, fakes = '' }
  row.value = (asked.expected == '' or asked.expected == ref) and asked.value or nil
  row.phrases, row.claims, row.refers, row.unless = asked.phrases, asked.claims, asked.refers, asked.unless
  set('f' .. asked.folded, (list or '') .. asked.identity .. string.char(#ref) .. ref)
  if is_base then
    for _, key in ipairs(keys(row.claims)) do
      claim('c' .. key, string.match(ref, '%d+$'))
    end
  end
  learn(row.phrases, ref, ref)
  disguise(row, asked)
  if row.offer == 0 then
    write(row)
  end
  return shown(row)
end

-- Phrases.

local function known(phrases)
  local found, count = {}, 0
  for start = 1, #phrases, 8000 do
    local asked = keys(string.sub(phrases, start, start + 7999))
    for at, key in ipairs(asked) do
      asked[at] = 'w' .. key
    end
    for at, list in ipairs(#asked > 0 and redis.call('HMGET', vault, unpack(asked)) or {}) do
      if list then
        local rows = {}
        for ref in string.gmatch(list, ' ([^ ~]%S*)') do
          if #rows < MOST_ROWS then
            rows[#rows + 1] = shown_at(ref)
          end
        end
        count = count + 1
        found[count] = struct.pack('>I4', (start - 1) / 8 + at - 1) .. packed(string.match(list, '^ (%S+)'))
          .. packed_list(rows, #rows)
      end
    end
  end
  return struct.pack('>I4', count) .. table.concat(found)
end

-- Return what was added after a generation, or false where that is not known.
local function added(since)
  if since == 0 then
    return packed_list({}, 0)
  end
  if since < state.born or since > state.generation or state.generation - since > RING then
    return NO_ROW
  end
  local rows, seen = {}, {}
  for generation = since + 1, state.generation do
    local ref = get('#' .. generation % RING)
    if ref and not seen[ref] then
      seen[ref] = true
      rows[#rows + 1] = shown_at(ref) or nil
    end
  end
  return packed_list(rows, #rows)
end

-- Erasing.

local function remove(ref)
  local row = read(ref)
  if not row then
    return 0
  end
  for _, phrase in ipairs(keys(row.phrases)) do
    strike('w' .. phrase, ref)
  end
  for _, phrase in ipairs(keys(row.fakes)) do
    strike('w' .. phrase, '~' .. ref)
  end
  local base = string.match(ref, ':(%d+)$')
  for _, key in ipairs(keys(base and row.claims or '')) do
    strike('c' .. key, base)
  end
  local list, left, at = get('f' .. row.folded) or '', '', 1
  while at < #list do
    local size = string.byte(list, at + 16)
    if string.sub(list, at + 17, at + 16 + size) ~= ref then
      left = left .. string.sub(list, at, at + 16 + size)
    end
    at = at + 17 + size
  end
  if left == '' then
    redis.call('HDEL', vault, 'f' .. row.folded)
  else
    set('f' .. row.folded, left)
  end
  redis.call('HDEL', vault, 'e' .. ref)
  state.entries = state.entries - 1
  return 1
end

local function remove_with_variants(ref)
  local removed = remove(ref)
  if string.match(ref, ':%d+$') then
    for at = 1, tonumber(get('v' .. ref) or 0) do
      removed = removed + remove(ref .. (code(at) or '-'))
    end
    redis.call('HDEL', vault, 'v' .. ref)
  end
  return removed
end

-- Operations.

local operations = {}

function operations.settle()
  local since, count, phrases = take('>dI4I4c0')
  local rows = {}
  for at = 1, count do
    create()
    rows[at] = settle_record(record())
  end
  save()
  return told() .. packed_list(rows, count) .. known(phrases) .. added(since)
end

function operations.fill()
  local rows, count = {}, take('>I4')
  for at = 1, count do
    local ref, value, has_surrogate, surrogate = take('>I2c0I4c0BI4c0')
    local row = read(ref)
    if row then
      row.value = row.value or value
      row.surrogate = row.surrogate or (has_surrogate == 1 and surrogate) or nil
      write(row)
    end
    rows[at] = row and shown(row)
  end
  save()
  return told() .. packed_list(rows, count)
end

function operations.lookup()
  local rows, count = {}, take('>I4')
  for at = 1, count do
    rows[at] = shown_at(take('>I2c0'))
  end
  save()
  return told() .. packed_list(rows, count)
end

function operations.surrogates()
  local epoch, after = take('>dI4')
  local rows = {}
  for at = (epoch == state.epoch and after or 0) + 1, state.surrogates do
    rows[#rows + 1] = shown_at(get('~' .. at)) or nil
  end
  save()
  return told() .. packed_list(rows, #rows)
end

function operations.rows()
  local rows, is_row = {}, false
  for at, part in ipairs(redis.call('HGETALL', vault)) do
    if at % 2 == 1 then
      is_row = string.sub(part, 1, 1) == 'e'
    elseif is_row then
      rows[#rows + 1] = cut(part)
    end
  end
  save()
  return told() .. packed_list(rows, #rows)
end

function operations.erase()
  redis.call('UNLINK', vault)
  local erased = state.entries
  state.epoch, state.generation, state.surrogates, state.words = 0, 0, 0, 0
  return told() .. struct.pack('>I4', erased)
end

function operations.erase_value()
  local list, at, refs, removed = get('f' .. sent) or '', 1, {}, 0
  while at < #list do
    local size = string.byte(list, at + 16)
    refs[#refs + 1] = string.sub(list, at + 17, at + 16 + size)
    at = at + 17 + size
  end
  for _, ref in ipairs(refs) do
    removed = removed + remove_with_variants(ref)
  end
  if removed > 0 then
    changed = true
    state.epoch = math.max(now(), state.epoch + 1)
    state.generation = math.max(state.generation + 1, state.epoch)
    state.born = state.generation -- what was asked before is asked anew: a phrase may have another owner now
  end
  save()
  return told() .. struct.pack('>I4', removed)
end

return operations[operation]()
