/*
 * Of builds with AddressSanitizer only. Before a call that does not return, it clears what it knows of the
 * stack, which it takes to be the thread's; the init of a container has one of its own, and gets a warning
 * into its output. What kelp calls there is _exit(2) and execve(2), after which no stack is left to know of.
 */
void __asan_handle_no_return(void);

void __asan_handle_no_return(void)
{
}
