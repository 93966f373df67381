-- SPDX-License-Identifier: MIT
-- What demo.sh traces: Lua reading the index of its own manual, to say which
-- libraries it has and how many functions are in each.
local libraries, names = {}, {}

for line in io.lines(arg[1]) do
	local library, name = line:match('#pdf%-([%l%d]+)[.:](%l+)">')
	if library then
		if not libraries[library] then
			libraries[library] = {}
			names[#names + 1] = library
		end
		table.insert(libraries[library], name)
	end
end

table.sort(names, function(a, b)
	return #libraries[a] > #libraries[b] or #libraries[a] == #libraries[b] and a < b
end)
for _, library in ipairs(names) do
	table.sort(libraries[library])
	print(string.format("%-10s %3d  %s ...", library, #libraries[library], libraries[library][1]))
end
