/* Intrusive doubly linked lists: a node inside each element, a node as the head. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct ListNode {
        struct ListNode *previous, *next; /* NULL: in no list */
} ListNode;

static inline void list_init(ListNode *head)
{
        head->previous = head->next = head;
}

static inline bool list_empty(const ListNode *head)
{
        return head->next == head;
}

static inline bool list_linked(const ListNode *node)
{
        return node->next != NULL;
}

static inline void list_append(ListNode *head, ListNode *node)
{
        node->previous = head->previous;
        node->next = head;
        head->previous->next = node;
        head->previous = node;
}

/* Out of its list, if it is in one. */
static inline void list_remove(ListNode *node)
{
        if (!node->next)
                return;
        node->previous->next = node->next;
        node->next->previous = node->previous;
        node->previous = node->next = NULL;
}

static inline void list_move_last(ListNode *head, ListNode *node)
{
        list_remove(node);
        list_append(head, node);
}

#define list_element(node, Type, member) ((Type *)(void *)((char *)(node) - offsetof(Type, member)))

/* The element may be removed meanwhile, others may not. */
#define list_for_each(node, head)                                                                            \
        for (ListNode *node = (head)->next, *node##_next = node->next; node != (head);                       \
             node = node##_next, node##_next = node->next)
