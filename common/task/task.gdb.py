"""task.gdb.py - where every sleeping task of a process sleeps.

    gdb -p PID -x common/task/task.gdb.py       or  gdb PROGRAM core -x ...
    (gdb) postino-tasks             name, reason and session of each task
    (gdb) postino-tasks bt          with the backtrace of each
    (gdb) postino-tasks bt pop3     of those whose name begins so

A sleeping task is a struct with saved registers (switch.h).  Instead of
writing them into the thread, which a core file does not allow, the innermost
frame is unwound to them: frame 1 of the backtrace is then the task's
context_switch.  x86-64 only; elsewhere the list is shown without backtraces.
"""
import gdb
import gdb.unwinder

SAVED = ("rbp", "rbx", "r12", "r13", "r14", "r15")


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class TaskUnwinder(gdb.unwinder.Unwinder):
    """Unwinds the innermost frame to the task, while there is one."""

    def __init__(self):
        super().__init__("postino-task")
        self.context = None
        self.top = None

    def __call__(self, frame):
        if self.context is None:
            return None
        sp = int(frame.read_register("rsp").cast(ULONG))
        if sp != self.top:
            return None
        saved_sp = int(self.context["sp"].cast(ULONG))
        pc = gdb.Value(saved_sp).cast(ULONG.pointer()).dereference()
        # gdb wants outer frames higher up: the thread's own, on another
        # stack, is said to lie just below the task's.
        info = frame.create_unwind_info(FrameId(
            gdb.Value(saved_sp - 16).cast(ULONG), frame.read_register("rip")))
        for register in SAVED:
            info.add_saved_register(register, self.context[register])
        info.add_saved_register("rsp", gdb.Value(saved_sp + 8).cast(ULONG))
        info.add_saved_register("rip", pc)
        return info


ULONG = gdb.lookup_type("unsigned long")
UNWINDER = TaskUnwinder()
gdb.unwinder.register_unwinder(None, UNWINDER, replace=True)


def tasks():
    """The struct task of each node in live_tasks."""
    task_type = gdb.lookup_type("struct task")
    offset = next(f.bitpos // 8 for f in task_type.fields()
                  if f.name == "live")
    head = gdb.parse_and_eval("&live_tasks")
    node = head.dereference()["next"]
    while int(node) not in (0, int(head)):
        address = gdb.Value(int(node) - offset)
        yield address.cast(task_type.pointer()).dereference()
        node = node.dereference()["next"]


def backtrace(task):
    gdb.execute("select-frame 0", to_string=True)
    UNWINDER.top = int(gdb.newest_frame().read_register("rsp").cast(ULONG))
    UNWINDER.context = task["context"]
    try:
        gdb.invalidate_cached_frames()
        text = gdb.execute("backtrace", to_string=True)
    finally:
        UNWINDER.context = None
        gdb.invalidate_cached_frames()
    # Frame 0 is the thread's own.
    return "\n".join("    " + line for line in text.splitlines()[1:])


class PostinoTasks(gdb.Command):
    """postino-tasks [bt [NAME]]: the tasks of this process."""

    def __init__(self):
        super().__init__("postino-tasks", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        words = argument.split()
        prefix = words[1] if len(words) > 1 else ""
        for task in tasks():
            name = task["name"].string(errors="replace")
            if not name.startswith(prefix):
                continue
            waits = task["waits"]
            reason = "runs" if int(waits) == 0 else \
                "waits for " + waits.string()
            print("%s, session %d: %s" % (name, int(task["session"]), reason))
            if words[:1] == ["bt"] and int(waits) != 0:
                print(backtrace(task))


PostinoTasks()
