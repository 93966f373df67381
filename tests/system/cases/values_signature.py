# SPDX-License-Identifier: MIT
"""Parameters that only the signature tells of, and results that only the body does."""
from driver.harness import ALL, test

# By function, the parameters; those in parentheses are not used.
SIGNATURES = {
    "between": ["a", "(text)", "b"],
    "second_of_two": ["(text)", "used"],
    "first_of_two": ["used", "(text)"],
    "none": ["(alias)", "(box<int>)", "(const text &)", "(mode)"],
    "many": ["a", "b", "c", "d", "e", "f", "(text)", "g", "used", "(text)"],
    "generic": ["(int (*)(text))", "(box<int>)", "a"],
    "method": ["this", "(text)", "plus"],
    "of_all": ["(text)", "plus"],
}


def described(argument):
    return argument["name"] or "(" + argument["type"].replace("alias", "text") + ")"


@test(ALL)
def values_every_parameter_of_the_signature(t):
    """each is there, in its place, with a value or a reason, whether the function uses it or not"""
    t.run([t.build("values_signature.cpp")], env={"CALLTRACE_CAPTURE_ARGS": "1"})
    calls = {call.raw["function"].split("(")[0].split("<")[0].split()[-1].split("::")[-1]: call.raw
             for call in t.document().calls}
    for name, parameters in SIGNATURES.items():
        arguments = calls[name]["arguments"]
        t.same(name, [each.replace("alias", "text") for each in parameters], [described(each) for each in arguments])
        for each in arguments:
            if each["value"] is None and not each.get("why"):
                t.fail(f"{name}: neither a value nor a reason: {each}")


@test(ALL)
def values_void_lambda_returns_nothing(t):
    """a function whose result its body makes void has no return value; another has one"""
    t.run([t.build("values_signature.cpp")], env={"CALLTRACE_CAPTURE_ARGS": "1"})
    results = [call.raw.get("return_value") for call in t.document().calls
               if "main" in call.raw["function"] and call.raw["function"] != "main"]
    t.same("lambdas", 2, len(results))
    t.same("return value of the one that is void", None, results[0])
    t.same("type of the other's", "int", results[1]["type"])
