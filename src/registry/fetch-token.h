/* Answers to a registry's challenges: private to kelp-fetch. */
#pragma once

#include "registry/fetch-session.h"

/* Sets session->authorization to what @response, a 401 of the registry itself, asks for: the user's
 * credentials, or a token that they are exchanged for. ERROR_UNAUTHORIZED when there are none, or they are
 * refused. */
int token_answer_challenge(RegistrySession *session, const HttpResponse *response, Error *err);
