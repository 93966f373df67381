# Sourced by cases that compare traces.
# run OUT MODULE F_NS G_CALLS [NAME_OF_H]: main calls f 20 times, each F_NS and a few ns more,
# g (0x1200) G_CALLS times, and a function at H, 0x1300 unless it is said.
run()
{
	awk -v module="$2" -v f_ns="$3" -v g_calls="$4" -v h="${5:-401300}" 'BEGIN {
		print "process 4242 4200\ncommand prog\nmodule " module " 0x400000 0x500000 0x400000"
		print "site 1 0x401000 0x401010 0x7f0000001000 0"
		print "site 1 0x401100 0x401110 0x401020 1"
		print "site 1 0x401200 0x401210 0x401030 1"
		print "site 1 0x" h " 0x" h " 0x401040 1"
		print "thread 4242 main 0 0 0 0 0 prog\n+ 100 1"
		at = 200
		for (i = 0; i < 20; i++) {
			print "+ " at " 2\n- " at + f_ns + i % 4
			at += f_ns + 10
		}
		for (i = 0; i < g_calls; i++) {
			print "+ " at " 3\n- " at + 500 + i % 4
			at += 510
		}
		print "+ " at " 4\n- " at + 5
		print "- " at + 100 "\nend 2000000"
	}' | maketrace "$1"
}
