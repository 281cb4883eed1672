/*
 * kelp-fetch CONFIG DOMAIN PATH KIND OBJECT MAXIMUM: moves one object between a registry and its descriptors
 * (fetch.h), by the distribution specification; the outcome goes to descriptor 3.
 */
#include "base/file.h"
#include "registry/fetch-program.h"

#include <signal.h>

static int do_job(RegistrySession *session, const FetchJob *job, FetchReport *report)
{
        switch (job->kind) {
        case FETCH_MANIFEST:
        case FETCH_BLOB:
        case FETCH_URL:
                return fetch_download(session, job, &report->done, &report->error);
        case PUSH_BLOB:
        case PUSH_MANIFEST:
                return fetch_upload(session, job, &report->done, &report->error);
        case FETCH_LOGIN:
                return fetch_login(session, &report->error);
        }
        return fail(&report->error, EINVAL, "kelp-fetch: unknown job %d", (int)job->kind);
}

int main(int argc, char **argv)
{
        static FetchReport report;
        RegistrySession session = {0};
        FetchJob job = {0};
        uint64_t kind, maximum;

        if (argc != 7 || text_to_u64(argv[4], FETCH_LOGIN, &kind) < 0 ||
            text_to_u64(argv[6], INT64_MAX, &maximum) < 0) {
                dprintf(STDERR_FILENO, "kelp-fetch is started by kelp, not by hand\n");
                return 125;
        }
        signal(SIGPIPE, SIG_IGN);
        signal(SIGXFSZ, SIG_IGN); /* a limit of the file size is an error like a full disk */
        session.domain = argv[2];
        job = (FetchJob){
                .kind = (FetchKind)kind, .path = argv[3], .object = argv[5], .maximum = (int64_t)maximum};
        report.result = registry_config_open(argv[1], &session.config, &report.error);
        if (report.result >= 0) {
                session.client = http_client_new(session.config);
                report.result = session.client ? do_job(&session, &job, &report) : fail_memory(&report.error);
        }
        file_write_all(FETCH_REPORT_FD, &report, sizeof(report));
        http_client_free(session.client);
        registry_config_free(session.config);
        free(session.authorization);
        return report.result < 0;
}
