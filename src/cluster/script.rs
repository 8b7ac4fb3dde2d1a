//! The scripts that change the store. Each runs alone, and completely. Running one twice in a row changes no more than
//! running it once.

/// A script, which is sent once to each connection.
#[derive(Debug)]
pub(super) struct Script(pub(super) &'static str);

/// Takes the lease of a server for a new epoch.
///
/// KEYS: lease, servers, id, batch. ARGV: epoch, earlier epochs or `-`, instance, addresses,
/// milliseconds, name, id. Returns the id of the cluster.
pub(super) const ACQUIRE: Script = Script(
    "local lease = redis.call('GET', KEYS[1])
if lease then
  local instance = string.match(lease, '^%S+ %S+ (%S+)')
  if instance ~= ARGV[3] then return redis.error_reply('TAKEN another server has this name') end
end
local value = ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[3] .. ' ' .. ARGV[4]
redis.call('SET', KEYS[1], value, 'PX', ARGV[5])
redis.call('SADD', KEYS[2], ARGV[6] .. ' ' .. ARGV[1])
redis.call('SET', KEYS[4], 0)
redis.call('SET', KEYS[3], ARGV[7], 'NX')
return redis.call('GET', KEYS[3])",
);

/// Writes a batch of changes, and renews the lease. A batch that was written before is not written again.
///
/// KEYS: lease, changes, batch, connections, prefix of records of this server, and of all. ARGV: name, epoch, number of the
/// batch, milliseconds, length of the stream, changes.
pub(super) const PUBLISH: Script = Script(
    "local lease = redis.call('GET', KEYS[1])
if not lease or string.sub(lease, 1, #ARGV[2]) ~= ARGV[2] then
  return redis.error_reply('FENCED the lease is not of this epoch')
end
local last = tonumber(redis.call('GET', KEYS[3]) or '-1')
if last == tonumber(ARGV[3]) then return '' end
if last ~= tonumber(ARGV[3]) - 1 then
  return redis.error_reply('LOST the store does not have the last batch')
end
redis.call('SET', KEYS[3], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', 's', ARGV[1], 'e', ARGV[2],
  'n', ARGV[3], 'c', table.concat(ARGV, '\\n', 6))
local at, position, known = 6, 0, ''
local sub, find = string.sub, string.find
while at <= #ARGV do
  local kind, connection, equal = sub(ARGV[at], 1, 1), sub(ARGV[at], 2), nil
  local space = find(connection, ' ', 1, true)
  if space then
    connection, equal = sub(connection, 1, space - 1), sub(connection, space + 1)
  end
  local key = KEYS[5] .. connection
  if kind == '+' or kind == '~' then
    local field, added, title = ARGV[at + 1], ARGV[at + 2], ARGV[at + 4]
    local order = id .. '-' .. position
    if equal then
      for other in string.gmatch(equal, '%S+') do
        local line, _, _, same =
          string.match(redis.call('HGET', KEYS[6] .. other, field) or '', '^(%S+) (%S+) (%S+) (.*)$')
        if same == title then
          order = string.match(line, '^[^/]+') .. '/' .. order
          break
        end
      end
    end
    local old = redis.call('HGET', key, field)
    if old then
      local a = find(old, ' ', 1, true)
      local b = find(old, ' ', a + 1, true)
      local c = find(old, ' ', b + 1, true)
      added = sub(old, a + 1, b - 1)
      if kind == '+' and sub(old, c + 1) == title then order = sub(old, 1, a - 1) end
    end
    redis.call('HSET', key, field, order .. ' ' .. added .. ' ' .. ARGV[at + 3] .. ' ' .. title)
    if known ~= connection then
      redis.call('SADD', KEYS[4], connection)
      known = connection
    end
    at = at + 5
  elseif kind == '-' then
    redis.call('HDEL', key, ARGV[at + 1])
    if redis.call('EXISTS', key) == 0 then
      redis.call('SREM', KEYS[4], connection)
      known = ''
    end
    at = at + 2
  else
    redis.call('UNLINK', key)
    redis.call('SREM', KEYS[4], connection)
    known = ''
    at = at + 1
  end
  position = position + 1
end
return id",
);

/// Earlier epochs of a server end: the present one has all its records.
///
/// KEYS: lease. ARGV: epoch, instance, addresses, milliseconds.
pub(super) const COMPLETE: Script = Script(
    "local lease = redis.call('GET', KEYS[1])
if not lease or string.sub(lease, 1, #ARGV[1]) ~= ARGV[1] then
  return redis.error_reply('FENCED the lease is not of this epoch')
end
redis.call('SET', KEYS[1], ARGV[1] .. ' - ' .. ARGV[2] .. ' ' .. ARGV[3], 'PX', ARGV[4])",
);

/// A server leaves. KEYS: lease. ARGV: epoch.
pub(super) const LEAVE: Script = Script(
    "local lease = redis.call('GET', KEYS[1])
if lease and string.sub(lease, 1, #ARGV[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end",
);

/// What a reader looks at regularly: the last change, the id of the cluster, the number of the last batch of this
/// server, and each server with its lease.
///
/// KEYS: servers, changes, id, and batch if this server has a lease. ARGV: prefix of leases.
pub(super) const WATCH: Script = Script(
    "local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)
local seen = { last[1] and last[1][1] or '0-0', redis.call('GET', KEYS[3]) or '' }
seen[3] = KEYS[4] and redis.call('GET', KEYS[4]) or '0'
for _, member in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local name = string.match(member, '^%S+')
  seen[#seen + 1] = member
  seen[#seen + 1] = name and redis.call('GET', ARGV[1] .. name) or ''
end
return seen",
);

/// Removes some records of an epoch that has ended, if no lease names it any more.
///
/// KEYS: lease, servers, connections, batch, prefix of records. ARGV: epoch, member, number of
/// connections.
pub(super) const CLEAN: Script = Script(
    "local lease = redis.call('GET', KEYS[1]) or ''
local head = string.match(lease, '^%S+ %S+') or ''
if string.find(head, ARGV[1], 1, true) then return 0 end
local gone = redis.call('SPOP', KEYS[3], ARGV[3])
for _, connection in ipairs(gone) do redis.call('UNLINK', KEYS[5] .. connection) end
if #gone == 0 then
  redis.call('SREM', KEYS[2], ARGV[2])
  redis.call('DEL', KEYS[4])
end
return #gone",
);
