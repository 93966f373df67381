-- SPDX-License-Identifier: MIT
-- Work for the traced Lua: recursion and table reads (queens), strings and
-- patterns (words), the sort with a comparison in Lua, closures and coroutines.
-- Usage: lua workload.lua [SIZE]; SIZE 1 makes about a million traced calls.
local size = math.tointeger(tonumber(arg[1] or 1)) or error("SIZE must be a whole number")

local function queens(n)
	local columns, rising, falling, solutions = {}, {}, {}, 0
	local function place(row)
		if row > n then
			solutions = solutions + 1
			return
		end
		for column = 1, n do
			local up, down = row + column, row - column
			if not (columns[column] or rising[up] or falling[down]) then
				columns[column], rising[up], falling[down] = true, true, true
				place(row + 1)
				columns[column], rising[up], falling[down] = nil, nil, nil
			end
		end
	end
	place(1)
	return solutions
end

local function word_counts(lines)
	local counts, names = {}, {}
	for i = 1, lines do
		local line = string.format("line %d: the %s fox, the %s dog", i,
			string.rep("q", i % 7 + 1), string.char(97 + i % 26))
		for word in line:gmatch("%a+") do
			counts[word] = (counts[word] or 0) + 1
		end
	end
	for name in pairs(counts) do
		names[#names + 1] = name
	end
	table.sort(names, function(a, b)
		return counts[a] > counts[b] or counts[a] == counts[b] and a < b
	end)
	return names[1] .. " " .. counts[names[1]]
end

local function primes_below(limit)
	local generator = coroutine.wrap(function()
		local composite = {}
		for i = 2, limit do
			if not composite[i] then
				coroutine.yield(i)
				for multiple = i * i, limit, i do
					composite[multiple] = true
				end
			end
		end
	end)
	local count = 0
	for _ in generator do
		count = count + 1
	end
	return count
end

local solutions, word, primes = 0, "", 0
for _ = 1, size do
	solutions = queens(7)
	word = word_counts(1500)
	primes = primes_below(20000)
end
print(solutions, word, primes)
