-- One request of a vault store, as one atomic step. See redis.py for the call, which puts a line with the codes of
-- variants before this, and docs/stores.md for the layout.
--
-- KEYS[1] is the vault, a hash that expires as a whole:
--   "."             the state: epoch, born, generation, words, arrivals, surrogates, entries, packed, then the seal
--   "e" ref         a row: a line "ref valuelen surrogatelen arrival offer phrases fakes claims refers unless",
--                   the value, the surrogate, 16 bytes of folded, and 8 for each phrase and other key
--   "f" folded      the rows of a value in any case, each 16 bytes of identity, a byte of length, and the ref
--   "w" phrase      the refs whose value, or, behind a "~", whose surrogate has the phrase
--   "c" claim       the numbers of the bases that claim it, or "*" for many
--   "v" ref         how many variants a base was given
--   "#" n           the ref that was new at the generation that is n modulo RING
--   "~" n           the ref of the n-th surrogate
-- KEYS[2] is what outlives it: the highest number of each entity type, "~" mark for each surrogate given, and
-- the seal as "@", if it has one. Rows are looked up without this script: the state and they are read at once.
--
-- What is only read comes first and returns, since a function that is made for nothing takes its time, too.

local RING = 128
local STATE = 40 -- bytes
local MOST_ROWS = 4
local MOST_CLAIMANTS = 400 -- bytes
local MANY = ' * '
local NO_ROW = '\255\255\255\255'
local HEAD = '^(%S+) (%-?%d+) (%-?%d+) (%d+) %d+ (%d+) (%d+) (%d+) (%d+) (%d+)\n()'
local CUT = '^%S+ (%-?%d+) (%-?%d+)[^\n]*\n()'
local RECORD = '>I2I4I2I2I2I2I2I2I2I2c16c16'
local vault, grave = KEYS[1], KEYS[2]
local operation, ttl, sent, seal = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4] or ''
local call, pack, unpacked = redis.call, struct.pack, struct.unpack
local sub, match = string.sub, string.match
local position = 1

-- The state of the vault.

local kept = call('HGET', vault, '.')
local exists, changed = kept, false
local epoch, born, generation, words, arrivals, surrogates, entries = 0, 0, 0, 0, 0, 0, 0
if kept then
  epoch, born, generation, words, arrivals, surrogates, entries = unpacked('>dddI4I4I4I4', kept)
end

local sealed = call('HGET', grave, '@') or ''
local foreign = sealed ~= seal and (exists or sealed ~= '')
local seal_told = foreign and pack('>I4', #sealed) .. sealed or '\255\255\255\255'

-- Save the state, and return it as it is answered.
local function told()
  if changed then
    call('HSET', vault, '.',
      pack('>dddI4I4I4I4', epoch, born, generation, words, arrivals, surrogates, entries) .. seal)
  end
  if exists and ttl > 0 then
    call('PEXPIRE', vault, ttl)
  end
  return pack('>ddI4I4', epoch, generation, surrogates, words) .. seal_told
end

-- What is answered: strings, each behind its length.

local function packed(part)
  return part and pack('>I4', #part) .. part or NO_ROW
end

local function packed_list(parts, count)
  local list = { pack('>I4', count) }
  for at = 1, count do
    list[at + 1] = packed(parts[at])
  end
  return table.concat(list)
end

-- Keys that are only looked up have 8 of their 16 bytes: a mistaken one is seen by the value that it finds.
local function keys(joined)
  local list = {}
  for at = 1, #joined, 8 do
    list[#list + 1] = sub(joined, at, at + 7)
  end
  return list
end

-- Return a row without what the caller does not need.
local function shown_part(raw)
  local value, surrogate, at = match(raw, CUT)
  return sub(raw, 1, at - 1 + math.max(value, 0) + math.max(surrogate, 0))
end

local function shown_at(ref)
  local raw = call('HGET', vault, 'e' .. ref)
  return raw and shown_part(raw)
end

-- Return many fields, each in the place of its name.
local function fetched(names)
  for start = 1, #names, 4000 do
    local last = math.min(start + 3999, #names)
    for at, value in ipairs(call('HMGET', vault, unpack(names, start, last))) do
      names[start + at - 1] = value
    end
  end
  return names
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

local function known(phrases)
  local found, count = {}, 0
  for start = 1, #phrases, 8000 do
    local asked = keys(sub(phrases, start, start + 7999))
    for at, key in ipairs(asked) do
      asked[at] = 'w' .. key
    end
    for at, list in ipairs(#asked > 0 and call('HMGET', vault, unpack(asked)) or {}) do
      if list then
        local rows = {}
        for ref in string.gmatch(list, ' ([^ ~]%S*)') do
          if #rows < MOST_ROWS then
            rows[#rows + 1] = shown_at(ref)
          end
        end
        count = count + 1
        found[count] = pack('>I4', (start - 1) / 8 + at - 1) .. packed(match(list, '^ (%S+)'))
          .. packed_list(rows, #rows)
      end
    end
  end
  return pack('>I4', count) .. table.concat(found)
end

-- Return what was added after a generation, or false where that is not known.
local function added(since)
  if since == 0 then
    return packed_list({}, 0)
  end
  if since < born or since > generation or generation - since > RING then
    return NO_ROW
  end
  local rows, seen = {}, {}
  for at = since + 1, generation do
    local ref = call('HGET', vault, '#' .. at % RING)
    if ref and not seen[ref] then
      seen[ref] = true
      rows[#rows + 1] = shown_at(ref) or nil
    end
  end
  return packed_list(rows, #rows)
end

-- Return the rows of values by their keys, false where there is none.
local function recalled(count)
  local identities, names, places = {}, {}, {}
  for at = 1, count do
    identities[at], names[at] = sub(sent, position, position + 15), 'f' .. sub(sent, position + 16, position + 31)
    position = position + 32
  end
  local rows = fetched(names)
  names = {}
  for at = 1, count do
    local ref = same_value(rows[at], identities[at])
    rows[at] = false
    if ref then
      names[#names + 1], places[#places + 1] = 'e' .. ref, at
    end
  end
  for at, raw in ipairs(fetched(names)) do
    rows[places[at]] = raw and shown_part(raw)
  end
  return packed_list(rows, count)
end

-- Settle records as long as all are known, or return nothing.
local function settle_known(count)
  local rows = {}
  for at = 1, count do
    local a, b, c, d, _, e, f, g, h, offers, identity, folded, start = unpacked(RECORD, sent, position)
    local ref = offers == 0 and same_value(call('HGET', vault, 'f' .. folded), identity)
    if not ref then
      return nil
    end
    rows[at] = shown_at(ref)
    position = start + a + b + c + d + e + f + g + h
  end
  return rows
end

if operation == 'reseal' then
  local old, new = unpacked('>I4c0I4c0', sent)
  if sealed ~= old or (new == '' and exists) then
    return pack('>ddI4I4I4', 0, 0, 0, 0, #sealed) .. sealed
  elseif new == '' then
    call('HDEL', grave, '@')
  else
    call('HSET', grave, '@', new)
    if exists then
      call('HSET', vault, '.', sub(kept, 1, STATE) .. new)
    end
  end
  return pack('>ddI4I4', epoch, generation, surrogates, words) .. NO_ROW
elseif foreign and (operation == 'settle' or operation == 'recall' or operation == 'find'
  or operation == 'fill' or operation == 'erase_value') then
  return pack('>ddI4I4', 0, 0, 0, 0) .. seal_told
end

if operation == 'settle' and not exists then
  local time = call('TIME')
  epoch = time[1] * 1000000 + time[2]
  born, generation = epoch, epoch
  exists, changed = true, true
  if seal ~= '' then
    call('HSET', grave, '@', seal)
  end
end

if operation == 'settle' or operation == 'find' then
  local since, count, phrases, start = unpacked('>dI4I4c0', sent)
  position = start
  local rows = settle_known(count)
  if rows then
    return told() .. packed_list(rows, count) .. known(phrases) .. added(since)
  end
  position = start
elseif operation == 'recall' then
  local since, count, phrases
  since, count, phrases, position = unpacked('>dI4I4c0', sent)
  return told() .. recalled(count) .. known(phrases) .. added(since)
elseif operation == 'surrogates' then
  local known_epoch, after = unpacked('>dI4', sent)
  local rows = {}
  for at = (known_epoch == epoch and after or 0) + 1, surrogates do
    rows[#rows + 1] = shown_at(call('HGET', vault, '~' .. at)) or nil
  end
  return told() .. packed_list(rows, #rows)
elseif operation == 'rows' then
  local rows = {}
  for at, part in ipairs(call('HGETALL', vault)) do
    if at % 2 == 1 then
      kept = sub(part, 1, 1) == 'e'
    elseif kept then
      local value, surrogate, start = match(part, CUT)
      rows[#rows + 1] = sub(part, 1, start - 1 + math.max(value, 0) + math.max(surrogate, 0))
    end
  end
  return told() .. packed_list(rows, #rows)
elseif operation == 'erase' then
  call('UNLINK', vault)
  return pack('>ddI4I4', 0, 0, 0, 0) .. seal_told .. pack('>I4', entries)
end

-- From here on it writes.

local function get(field)
  return call('HGET', vault, field)
end

local function set(field, value)
  call('HSET', vault, field, value)
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
      list = sub(list, 1, from) .. sub(list, to + 1)
    end
    if list == ' ' then
      call('HDEL', vault, field)
    else
      set(field, list)
    end
  end
end

-- Rows.

local function read(ref)
  local raw = get('e' .. ref)
  if not raw then
    return nil
  end
  local _, value, surrogate, arrival, phrases, fakes, claims, refers, unless, at = match(raw, HEAD)
  local row = { ref = ref, arrival = tonumber(arrival), offer = 0 }
  local function part(size)
    at = at + size
    return sub(raw, at - size, at - 1)
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
    generation = generation + 1
    set('#' .. generation % RING, ref)
  end
end

-- Records.

local function record()
  local asked = { offers = {} }
  local type_size, value, expected, like, phrases, claims, refers, unless, offers, at
  type_size, value, expected, like, asked.words, phrases, claims, refers, unless, offers, asked.identity,
    asked.folded, at = unpacked(RECORD, sent, position)
  local function part(size)
    at = at + size
    return sub(sent, at - size, at - 1)
  end
  asked.type, asked.value, asked.expected, asked.like = part(type_size), part(value), part(expected), part(like)
  asked.phrases, asked.claims, asked.refers, asked.unless = part(phrases), part(claims), part(refers), part(unless)
  position = at
  for place = 1, offers do
    local fake, mark, own
    fake, mark, own, position = unpacked('>I4c0c16I2c0', sent, position)
    asked.offers[place] = { value = fake ~= '' and fake or nil, mark = mark, phrases = own }
  end
  return asked
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
    local number = match(get('c' .. key) or '', '^ (%d+) $')
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
    return sub(codes, at, at)
  end
  local first, second = math.floor((at - size - 1) / size), (at - size - 1) % size
  return first < size and sub(codes, first + 1, first + 1) .. sub(codes, second + 1, second + 1)
end

local function new_ref(asked)
  local base = base_of(asked)
  if base then
    local variant = code(call('HINCRBY', vault, 'v' .. asked.type .. ':' .. base, 1))
    if variant then
      return asked.type .. ':' .. base .. variant, false
    end
  end
  return asked.type .. ':' .. call('HINCRBY', grave, asked.type, 1), true
end

local function disguise(row, asked)
  for at, offer in ipairs(asked.offers) do
    local mark = '~' .. offer.mark
    local taken = call('HEXISTS', grave, mark) == 1
    for _, phrase in ipairs(keys(offer.phrases)) do
      taken = taken or call('HEXISTS', vault, 'w' .. phrase) == 1
    end
    if not taken then
      changed = true
      call('HSET', grave, mark, '')
      surrogates = surrogates + 1
      set('~' .. surrogates, row.ref)
      row.surrogate = (asked.expected == '' or asked.expected == row.ref) and offer.value or nil
      row.fakes, row.offer = offer.phrases, at
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
  arrivals = arrivals + 1
  entries = entries + 1
  words = math.max(words, asked.words)
  local row = { ref = ref, arrival = arrivals, offer = 0, folded = asked.folded, fakes = '' }
  row.value = (asked.expected == '' or asked.expected == ref) and asked.value or nil
  row.phrases, row.claims, row.refers, row.unless = asked.phrases, asked.claims, asked.refers, asked.unless
  set('f' .. asked.folded, (list or '') .. asked.identity .. string.char(#ref) .. ref)
  if is_base then
    for _, key in ipairs(keys(row.claims)) do
      claim('c' .. key, match(ref, '%d+$'))
    end
  end
  learn(row.phrases, ref, ref)
  disguise(row, asked)
  if row.offer == 0 then
    write(row)
  end
  return shown(row)
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
  local base = match(ref, ':(%d+)$')
  for _, key in ipairs(keys(base and row.claims or '')) do
    strike('c' .. key, base)
  end
  local list, left, at = get('f' .. row.folded) or '', '', 1
  while at < #list do
    local size = string.byte(list, at + 16)
    if sub(list, at + 17, at + 16 + size) ~= ref then
      left = left .. sub(list, at, at + 16 + size)
    end
    at = at + 17 + size
  end
  if left == '' then
    call('HDEL', vault, 'f' .. row.folded)
  else
    set('f' .. row.folded, left)
  end
  call('HDEL', vault, 'e' .. ref)
  entries = entries - 1
  return 1
end

local function remove_with_variants(ref)
  local removed = remove(ref)
  if match(ref, ':%d+$') then
    for at = 1, tonumber(get('v' .. ref) or 0) do
      removed = removed + remove(ref .. (code(at) or '-'))
    end
    call('HDEL', vault, 'v' .. ref)
  end
  return removed
end

-- Operations.

local answer = {}

if operation == 'settle' then
  local since, count, phrases
  since, count, phrases, position = unpacked('>dI4I4c0', sent)
  for at = 1, count do
    answer[at] = settle_record(record())
  end
  return told() .. packed_list(answer, count) .. known(phrases) .. added(since)
elseif operation == 'fill' then
  local count, ref, value, has_surrogate, surrogate
  count, position = unpacked('>I4', sent)
  for at = 1, count do
    ref, value, has_surrogate, surrogate, position = unpacked('>I2c0I4c0BI4c0', sent, position)
    local row = read(ref)
    if row then
      row.value = row.value or value
      row.surrogate = row.surrogate or (has_surrogate == 1 and surrogate) or nil
      write(row)
    end
    answer[at] = row and shown(row)
  end
  return told() .. packed_list(answer, count)
end

-- It is the erasure of a value.
local list, at, removed = get('f' .. sent) or '', 1, 0
while at < #list do
  local size = string.byte(list, at + 16)
  answer[#answer + 1] = sub(list, at + 17, at + 16 + size)
  at = at + 17 + size
end
for _, ref in ipairs(answer) do
  removed = removed + remove_with_variants(ref)
end
if removed > 0 then
  changed = true
  local time = call('TIME')
  epoch = math.max(time[1] * 1000000 + time[2], epoch + 1)
  generation = math.max(generation + 1, epoch)
  born = generation -- what was asked before is asked anew: a phrase may have another owner now
end
return told() .. pack('>I4', removed)
