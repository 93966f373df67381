// SPDX-License-Identifier: MIT
/* Strings, vectors and pointers of the C++ library, as it is built with, in every place. */
#include <climits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "values_account.h"

struct UNTRACED item {
	int number;
	double half;
};

struct UNTRACED record {
	int id;
	std::string name;
	std::vector<int> numbers;
	std::unique_ptr<item> owned;
};

/* Of as many letters, from `a` on. */
UNTRACED static std::string letters(int count)
{
	std::string text;
	for (int i = 0; i < count; i++)
		text += (char)('a' + i % 26);
	return text;
}

UNTRACED static std::string list(const std::vector<int> &numbers)
{
	std::string text = "{'size':" + std::to_string(numbers.size()) + ",'elements':[";
	for (size_t i = 0; i < numbers.size() && i < 3; i++)
		text += (i ? "," : "") + std::to_string(numbers[i]);
	return text + "]}";
}

/* A text in a vector. */
UNTRACED static std::string element(const std::string &text)
{
	return "'" + text + "'";
}

UNTRACED static std::string pointee(const item *what)
{
	if (!what)
		return "null";
	return "{'number':" + std::to_string(what->number) +
	       ",'half':" + std::to_string(what->half) + "}";
}

NOINLINE int by_reference(const std::string &text, int n)
{
	int call = account_enter("by_reference", "'text':'%s','n':%d", text.c_str(), n);
	account_leave(call);
	return RESULT(call, "%d", n);
}

NOINLINE int by_value(std::string text, std::string_view view)
{
	int call = account_enter("by_value", "'text':'%s','view':'%.*s'", text.c_str(),
				 (int)view.size(), view.data());
	int length = (int)text.size();
	return RESULT(call, "%d", length);
}

NOINLINE int by_pointer(const std::string *text, std::string &&moved)
{
	int call = account_enter("by_pointer", "'text':%s%s%s,'moved':'%s'", text ? "'" : "",
				 text ? text->c_str() : "null", text ? "'" : "", moved.c_str());
	int length = (int)moved.size();
	return RESULT(call, "%d", length);
}

NOINLINE std::string made(int length)
{
	int call = account_enter("made", "'length':%d", length);
	std::string text = letters(length);
	account_return(call, "'%s'", text.c_str());
	return text;
}

NOINLINE std::string_view cut(std::string_view text, size_t length)
{
	int call = account_enter("cut", "'text':'%.*s','length':%zu", (int)text.size(), text.data(),
				 length);
	std::string_view part = text.substr(0, length);
	account_return(call, "'%.*s'", (int)part.size(), part.data());
	return part;
}

NOINLINE std::vector<int> counted(const std::vector<int> &numbers, std::vector<int> more)
{
	int call = account_enter("counted", "'numbers':%s,'more':%s", list(numbers).c_str(),
				 list(more).c_str());
	more.insert(more.end(), numbers.begin(), numbers.end());
	account_return(call, "%s", list(more).c_str());
	return more;
}

NOINLINE int texts(const std::vector<std::string> &lines)
{
	std::string told;
	for (size_t i = 0; i < lines.size() && i < 2; i++)
		told += (i ? "," : "") + element(lines[i]);
	int call = account_enter("texts", "'lines':{'size':%zu,'elements':[%s]}", lines.size(),
				 told.c_str());
	int count = (int)lines.size();
	return RESULT(call, "%d", count);
}

NOINLINE int records(const record &whole, record *changed)
{
	int call = account_enter(
		"records",
		"'whole':{'id':%d,'name':'%s','numbers':%s},'changed':{'id':%d,'name':'%s'}",
		whole.id, whole.name.c_str(), list(whole.numbers).c_str(), changed->id,
		changed->name.c_str());
	int id = whole.id;
	return RESULT(call, "%d", id);
}

NOINLINE std::unique_ptr<item> owned(std::unique_ptr<item> one, const std::unique_ptr<item> &other)
{
	int call = account_enter("owned", "'one':%s,'other':%s", pointee(one.get()).c_str(),
				 pointee(other.get()).c_str());
	account_return(call, "%s", pointee(one.get()).c_str());
	return one;
}

NOINLINE std::shared_ptr<item> shared(std::shared_ptr<item> one, const std::shared_ptr<item> &other)
{
	int call = account_enter("shared", "'one':%s,'other':%s", pointee(one.get()).c_str(),
				 pointee(other.get()).c_str());
	account_return(call, "%s", pointee(one.get()).c_str());
	return one;
}

/* Not shown, whether there is still something or not. */
NOINLINE int weak(const std::weak_ptr<item> &observed, int n)
{
	int call = account_enter("weak", "'n':%d", n);
	n += (int)observed.use_count();
	return RESULT(call, "%d", n);
}

UNTRACED static void pointers()
{
	std::unique_ptr<item> one(new item{7, 3.5});
	std::unique_ptr<item> none;
	owned(owned(std::move(one), none), std::unique_ptr<item>(new item{-1, -0.5}));
	owned(nullptr, none);
	std::shared_ptr<item> together = std::make_shared<item>(item{8, 4.0});
	std::shared_ptr<item> apart(new item{9, 4.5});
	shared(together, apart);
	shared(nullptr, together);
	shared(apart, nullptr);
	std::weak_ptr<item> observed = apart;
	weak(observed, 1);
	apart = nullptr;
	weak(observed, 2);
}

UNTRACED int main()
{
	static const int lengths[] = {0, 1, 7, 14, 15, 16, 21, 22, 23, 24, 31, 63, 64, 65, 70};
	for (int length : lengths) {
		std::string text = letters(length);
		std::string grown = text;
		grown.reserve(500); /* a short text where long ones are */
		by_reference(text, length);
		by_reference(grown, length);
		by_value(text, grown);
		by_pointer(&grown, std::string(text));
		std::string string = made(length);
		std::string_view cut_off = cut(string, (size_t)length / 2);
		std::vector<int> numbers((size_t)length, length);
		counted(numbers, std::vector<int>(cut_off.size(), -1));
		texts(std::vector<std::string>((size_t)length / 7, text));
		record whole{length, text, numbers, nullptr};
		record other{-length, grown, numbers, nullptr};
		records(whole, &other);
	}
	by_pointer(nullptr, std::string());
	std::string emptied = letters(50);
	std::string taken = std::move(emptied);
	by_reference(emptied, (int)taken.size());
	counted({INT_MAX, INT_MIN}, {});
	pointers();
	return 0;
}
