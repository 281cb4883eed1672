/* Of kelp's programs, not of tests, when AddressSanitizer is built in. */

const char *__asan_default_options(void);
void __asan_handle_no_return(void);

/* Leaks are looked for by ptrace(2), which programs that are not dumpable do not allow. */
const char *__asan_default_options(void)
{
        return "detect_leaks=0";
}

/* Called before what does not return, to clear what is known of the stack, which is taken to be the thread's;
 * the init of a container has one of its own, and gets a warning into its output. What kelp calls there is
 * _exit(2). */
void __asan_handle_no_return(void)
{
}
