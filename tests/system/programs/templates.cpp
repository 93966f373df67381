/*
 * Names of C++ that are longer than a line: templates in templates, overloads that differ in a
 * parameter's arguments alone, operators, a lambda. With an argument it calls one of them more.
 */
#include <map>
#include <string>
#include <vector>

namespace company
{
namespace product
{
template <typename Key, typename Value> class Registry
{
	std::map<Key, std::vector<Value>> entries;

      public:
	__attribute__((noinline)) void insert(const std::map<Key, std::vector<Value>> &all)
	{
		for (const auto &each : all)
			insert(each.second);
	}

	__attribute__((noinline)) void insert(const std::vector<Value> &values)
	{
		for (const Value &value : values)
			(*this)[Key()].push_back(value);
	}

	__attribute__((noinline)) std::vector<Value> &operator[](const Key &key)
	{
		return entries[key];
	}
};

template <typename Function> __attribute__((noinline)) int apply_to_each(Function function, int n)
{
	int sum = 0;
	for (int i = 0; i < n; i++)
		sum += function(i);
	return sum;
}
} // namespace product
} // namespace company

int main(int argc, char **)
{
	company::product::Registry<std::string, std::vector<std::map<int, long>>> of_vectors;
	company::product::Registry<std::string, std::map<std::string, std::vector<int>>> of_maps;
	of_vectors.insert({{"a", {{}, {}}}, {"b", {{}}}});
	of_maps.insert({{"a", {{}, {}}}, {"b", {{}}}});
	for (int i = 0; i < (argc > 1 ? 20 : 2); i++)
		of_maps.insert(std::vector<std::map<std::string, std::vector<int>>>(3));
	return company::product::apply_to_each([](int i) { return i & 1; }, 10) == 5 ? 0 : 1;
}
