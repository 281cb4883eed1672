/*
 * Fetching: a manifest or blob is written to descriptor 1 and 4; what breaks on the way is resumed where it
 * broke, from another address if need be. A manifest by tag may be another one there: it is kept back until
 * it is whole, and begun anew.
 */
#include "base/cleanup.h"
#include "base/file.h"
#include "registry/fetch-program.h"

typedef struct Download {
        const FetchJob *job;
        bool copying;
        bool gathering;   /* the body goes to @text first */
        int64_t received; /* bytes of the body that are there */
        int64_t skip;     /* bytes of this answer that are there already */
        Buffer text;
        char host[256]; /* which sent the last of it */
        DigestStream digest;
} Download;

static const char accept_header[] =
        "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
        "application/vnd.docker.distribution.manifest.list.v2+json, "
        "application/vnd.docker.distribution.manifest.v2+json";

static const char *job_noun(const FetchJob *job)
{
        return job->kind == FETCH_BLOB ? "blob" : "manifest";
}

/* ---- the body ---- */

/* Where a partial answer (206) begins: "bytes 100-199/200" (RFC 9110, 14.4). */
static int64_t range_start(const HttpResponse *response)
{
        const char *range = http_header(response, "content-range");
        long long start;

        return range && sscanf(range, "bytes %lld-", &start) == 1 && start >= 0 ? start : -1;
}

static int begin_body(void *owner, const HttpResponse *response, Error *err)
{
        Download *download = owner;

        memcpy(download->host, response->host, sizeof(download->host));
        if (download->gathering) {
                download->text.length = 0;
                download->received = 0;
                return 0;
        }
        /* A registry that does not know ranges begins anew. */
        if (response->status != 206) {
                download->skip = download->received;
                return 0;
        }
        download->skip = download->received - range_start(response);
        if (range_start(response) < 0 || download->skip < 0)
                return fail_kind(err, ERROR_CORRUPT, EPROTO,
                                 "registry %s sent another part of %s %s than asked for", response->host,
                                 job_noun(download->job), download->job->object);
        return 0;
}

static int deliver(Download *download, const void *data, size_t length, Error *err)
{
        int r;

        digest_stream_update(&download->digest, data, length);
        r = file_write_all(STDOUT_FILENO, data, length);
        if (r < 0) {
                fail_errno(err, -r, "write what was downloaded");
                return r == -ENOSPC || r == -EDQUOT || r == -EFBIG
                               ? fail_hint(err,
                                           "the disk is full or a limit is reached: free some space, or put "
                                           "kelp's data elsewhere with --root or KELP_ROOT")
                               : r;
        }
        if (download->copying && file_write_all(FETCH_COPY_FD, data, length) < 0)
                download->copying = false; /* who reads it says why it stopped */
        return 0;
}

static int take_body(void *owner, const void *data, size_t length, Error *err)
{
        Download *download = owner;
        const char *bytes = data;

        if (download->skip > 0) {
                size_t skipped = (int64_t)length < download->skip ? length : (size_t)download->skip;

                download->skip -= (int64_t)skipped;
                bytes += skipped;
                length -= skipped;
        }
        if ((int64_t)length > download->job->maximum - download->received)
                return fail_kind(err, ERROR_CORRUPT, EFBIG,
                                 "registry %s sent more than the %lld bytes expected of %s %s",
                                 download->host, (long long)download->job->maximum, job_noun(download->job),
                                 download->job->object);
        download->received += (int64_t)length;
        if (!download->gathering)
                return deliver(download, bytes, length, err);
        buffer_append(&download->text, bytes, length);
        return download->text.failed ? fail_memory(err) : 0;
}

static int set_headers(void *owner, HttpRequest *request)
{
        Download *download = owner;
        int r = 0;

        if (download->job->kind == FETCH_MANIFEST)
                r = string_list_add(&request->headers, accept_header);
        if (r >= 0 && download->received && !download->gathering)
                r = string_list_addf(&request->headers, "Range: bytes=%lld-", (long long)download->received);
        return r;
}

/* The digest that was asked for, when it was one. */
static bool wanted_digest(const FetchJob *job, Digest *ret)
{
        return job->kind != FETCH_URL && strchr(job->object, ':') &&
               digest_parse(job->object, ret, NULL) >= 0;
}

static int check_digest(const FetchJob *job, const char *host, const Digest *digest, Error *err)
{
        Digest wanted;

        if (!wanted_digest(job, &wanted) || digest_equal(&wanted, digest))
                return 0;
        return fail_kind(err, ERROR_CORRUPT, EBADMSG,
                         "registry %s sent wrong content for %s %s: its digest is %s", host, job_noun(job),
                         wanted.text, digest->text);
}

static int download_url(RegistrySession *session, Download *download, const char *url,
                        HttpFailure *ret_failure, Error *err)
{
        _cleanup_response_ HttpResponse response = {0};
        _cleanup_request_ HttpRequest request = HTTP_REQUEST_INIT;
        const FetchJob *job = download->job;
        char what[DIGEST_SIZE + 256];
        Digest digest;
        int r;

        request.method = "GET";
        request.url = url;
        request.begin = begin_body;
        request.take = take_body;
        request.owner = download;
        request.maximum = INT64_MAX; /* the job's counts, over all tries */
        r = session_perform(session, &request, set_headers, &response, err);
        *ret_failure = response.failure;
        if (r < 0)
                return r;
        if (response.status == 200 || response.status == 206) {
                /* Of what is kept back another address can be asked. */
                digest_of(download->text.data ?: "", download->text.length, &digest);
                return download->gathering ? check_digest(job, response.host, &digest, err) : 0;
        }
        snprintf(what, sizeof(what), "%s %s", job_noun(job), job->object);
        return session_refused(&response, job->path, job->kind == FETCH_URL ? "this address" : what, err);
}

static int download_from(RegistrySession *session, const char *base, void *owner, HttpFailure *ret_failure,
                         Error *err)
{
        Download *download = owner;
        _cleanup_free_ char *url =
                text_printf("%s%s/%s/%s", base, download->job->path,
                            download->job->kind == FETCH_BLOB ? "blobs" : "manifests", download->job->object);

        return url ? download_url(session, download, url, ret_failure, err) : fail_memory(err);
}

int fetch_download(RegistrySession *session, const FetchJob *job, FetchResult *ret, Error *err)
{
        Download download = {.job = job, .copying = true, .gathering = job->kind == FETCH_MANIFEST};
        HttpFailure failure;
        int r;

        digest_stream_init(&download.digest);
        r = job->kind == FETCH_URL ? download_url(session, &download, job->object, &failure, err)
                                   : session_each(session, true, download_from, &download, err);
        if (r >= 0 && download.gathering)
                r = deliver(&download, download.text.data ?: "", download.text.length, err);
        buffer_deinit(&download.text);
        if (r < 0)
                return r;
        digest_stream_finish(&download.digest, &ret->digest);
        ret->size = download.received;
        return check_digest(job, download.host, &ret->digest, err);
}
